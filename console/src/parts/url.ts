import { useCallback } from "react";
import { useSearchParams } from "react-router";

/** One word of page state, kept in the address so that a link shows a colleague the same view. */
export function useUrlWord(name: string, fallback = ""): [string, (next: string | null) => void] {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (next: string | null) =>
      setParams(
        (now) => {
          const copy = new URLSearchParams(now);
          if (!next || next === fallback) copy.delete(name);
          else copy.set(name, next);
          return copy;
        },
        { replace: true, preventScrollReset: true },
      ),
    [setParams, name, fallback],
  );
  return [params.get(name) ?? fallback, set];
}

/** Several words at once; a change of filter goes back to the first page of the list. */
export function useUrlFilters<N extends string>(
  ...names: N[]
): [Record<N, string | undefined>, (change: Partial<Record<N, string | null | undefined>>) => void] {
  const [params, setParams] = useSearchParams();
  const values = Object.fromEntries(names.map((name) => [name, params.get(name) ?? undefined])) as Record<
    N,
    string | undefined
  >;
  const change = (next: Partial<Record<N, string | null | undefined>>) =>
    setParams((now) => {
      const copy = new URLSearchParams(now);
      copy.delete("cursor");
      for (const [name, value] of Object.entries(next) as Array<[string, string | null | undefined]>)
        if (value) copy.set(name, value);
        else copy.delete(name);
      return copy;
    });
  return [values, change];
}
