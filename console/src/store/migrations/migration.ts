/**
 * One step of the schema. Steps run in order, forward only, each in its own transaction, and a step that has
 * been released is never edited: a later one corrects it. `statements` are written in what SQLite and
 * PostgreSQL both read (`text`, `bigint`); what only one of them reads stands apart.
 */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
  readonly sqlite?: readonly string[];
}
