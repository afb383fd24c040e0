import type { ja } from './ja.ts';

/**
 * The shape that a language must have: every key of Japanese, and for each counted one (`x_other`) also its
 * singular (`x_one`), which Japanese has no use for. A key that is missing on either side does not compile:
 * each part of a language is checked against its part of Japanese.
 */
export type Mirror<T> = {
  [K in keyof T]: T[K] extends string ? string : Mirror<T[K]>;
} & {
  [K in keyof T as K extends `${infer Base}_other` ? `${Base}_one` : never]: string;
};

export type Messages = Mirror<typeof ja>;
