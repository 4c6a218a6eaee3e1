import { useEffect, useRef, useState } from "react";

/** Whether a box is narrower than what it holds; only then it needs to take the focus to be scrolled. */
export function useOverflow<E extends HTMLElement>(): [React.RefObject<E | null>, boolean] {
  const box = useRef<E>(null);
  const [over, setOver] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const look = () => setOver(element.scrollWidth > element.clientWidth + 1);
    const watcher = new ResizeObserver(look);
    watcher.observe(element);
    if (element.firstElementChild) watcher.observe(element.firstElementChild);
    look();
    return () => watcher.disconnect();
  }, []);
  return [box, over];
}
