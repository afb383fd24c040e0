import { Fragment } from 'react';
import { useTranslation } from 'react-i18next';
import type { InventoryRow } from '../../../api/index.ts';
import { TimeText } from '../../components/time-text.tsx';
import { Untrusted } from '../../components/untrusted.tsx';
import { useBytes } from '../../components/use-bytes.ts';
import { things } from '../../i18n/ja/things.ts';

type Facts = InventoryRow['facts'];
type FactName = keyof typeof things.things.fact;

/** Facts of one thing in a row: name and value, a flag as its name alone. */
export function ThingFacts({ facts, without }: { facts: Facts; without: readonly string[] }) {
  const { t } = useTranslation();
  const shown = Object.entries(facts).filter(([name]) => !without.includes(name));
  return (
    <>
      {shown.map(([name, value], index) => (
        <Fragment key={name}>
          {index === 0 ? null : ' · '}
          {isFactName(name) ? t(`things.fact.${name}`) : <Untrusted text={name} code />}
          {value === true ? null : (
            <>
              {' '}
              <FactValue name={name} value={value} />
            </>
          )}
        </Fragment>
      ))}
    </>
  );
}

function FactValue({ name, value }: { name: string; value: Facts[string] }) {
  const { t } = useTranslation();
  const bytes = useBytes();
  if (typeof value === 'boolean') return t(value ? 'things.yes' : 'things.no');
  if (name === 'sudo' && isSudoRight(value)) return t(`things.sudo.${value}`);
  if (typeof value === 'string') return <Untrusted text={value} />;
  if (name.endsWith('Bytes') && value >= 0) return bytes(value);
  if (name.endsWith('At')) return <TimeText time={value} />;
  return String(value);
}

function isSudoRight(value: Facts[string]): value is keyof typeof things.things.sudo {
  return typeof value === 'string' && Object.hasOwn(things.things.sudo, value);
}

/** An agent that is newer than this console may know facts that this one has no words for. */
function isFactName(name: string): name is FactName {
  return Object.hasOwn(things.things.fact, name);
}
