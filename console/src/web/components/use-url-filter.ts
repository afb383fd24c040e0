import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';

/** One filter of a list, kept in the address so that it survives a reload and can be sent to a colleague. */
export function useUrlFilter(name: string): [string | undefined, (value: string | undefined) => void] {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (value: string | undefined) =>
      setParams(
        (current) => {
          const next = new URLSearchParams(current);
          if (value === undefined || value === '') next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace: true },
      ),
    [name, setParams],
  );
  const value = params.get(name);
  return [value === null || value === '' ? undefined : value, set];
}

/** The same for a filter with a closed vocabulary; anything else in the address counts as unset. */
export function useUrlChoice<T extends string>(
  name: string,
  choices: readonly T[],
): [T | undefined, (value: T | undefined) => void] {
  const [value, set] = useUrlFilter(name);
  const choice = useMemo(() => choices.find((each) => each === value), [choices, value]);
  return [choice, set];
}
