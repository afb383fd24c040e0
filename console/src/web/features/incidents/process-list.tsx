import { IconFile, IconTerminal2 } from '@tabler/icons-react';
import type { StoryFile } from '@yagura/protocol';
import { useTranslation } from 'react-i18next';
import { Untrusted } from '../../components/untrusted.tsx';
import { type Forest, type ForestNode, fileKey, processKey } from './process-forest.ts';
import classes from './process-list.module.css';
import { baseName } from './story-facts.ts';

interface ProcessListProps {
  readonly forest: Forest;
  readonly detected: ReadonlySet<string>;
  readonly selected: string | undefined;
  readonly onSelect: (key: string) => void;
}

/** The process tree as a nested list: the same content as the graph, for keyboards and screen readers. */
export function ProcessList({ forest, ...rest }: ProcessListProps) {
  return (
    <ul className={classes['list']}>
      {forest.roots.map((node) => (
        <ProcessItem key={node.process.entityId} node={node} {...rest} />
      ))}
      {forest.looseFiles.map((file) => (
        <FileItem key={file.path} file={file} {...rest} />
      ))}
    </ul>
  );
}

type ItemProps = Omit<ProcessListProps, 'forest'>;

function ProcessItem({ node, ...rest }: ItemProps & { node: ForestNode }) {
  const { t } = useTranslation();
  const { process } = node;
  const key = processKey(process);
  return (
    <li>
      <button
        type="button"
        className={classes['item']}
        aria-pressed={rest.selected === key}
        data-detected={rest.detected.has(key) || undefined}
        data-context={process.context || undefined}
        onClick={() => rest.onSelect(key)}
      >
        <IconTerminal2 size={18} aria-hidden />
        <span className={classes['name']}>
          {process.image === undefined ? t('tree.unknownImage') : <Untrusted text={baseName(process.image)} />}
        </span>
        <span className={classes['note']}>
          {[
            `PID ${process.pid}`,
            t(`processState.${process.state}`),
            ...(process.context ? [t('tree.context')] : []),
            ...(rest.detected.has(key) ? [t('tree.detected')] : []),
          ].join(' · ')}
        </span>
        {process.commandLine === undefined ? null : (
          <span className={classes['command']}>
            <Untrusted text={process.commandLine.slice(0, 400)} code truncate />
          </span>
        )}
      </button>
      {node.children.length + node.files.length > 0 ? (
        <ul>
          {node.children.map((child) => (
            <ProcessItem key={child.process.entityId} node={child} {...rest} />
          ))}
          {node.files.map((file) => (
            <FileItem key={file.path} file={file} {...rest} />
          ))}
        </ul>
      ) : null}
    </li>
  );
}

function FileItem({ file, selected, onSelect }: ItemProps & { file: StoryFile }) {
  const { t } = useTranslation();
  const key = fileKey(file);
  return (
    <li>
      <button type="button" className={classes['item']} aria-pressed={selected === key} onClick={() => onSelect(key)}>
        <IconFile size={18} aria-hidden />
        <span className={classes['name']}>
          <Untrusted text={baseName(file.path)} />
        </span>
        <span className={classes['note']}>{t(`fileState.${file.state}`)}</span>
      </button>
    </li>
  );
}
