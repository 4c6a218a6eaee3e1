import type { RefObject } from "react";

/** A plain text area in the type of code, with what it says about its content beside it. */
export function Editor({
  value,
  onChange,
  label,
  says,
  wrong = false,
  height = 220,
  box,
  hint,
}: {
  value: string;
  onChange: (text: string) => void;
  label: string;
  /** id of the element that says what is wrong */
  says?: string;
  wrong?: boolean;
  height?: number;
  box?: RefObject<HTMLTextAreaElement | null>;
  hint?: string;
}) {
  return (
    <textarea
      ref={box}
      className="editor code-box"
      style={{ minHeight: height }}
      aria-label={label}
      aria-invalid={wrong}
      aria-describedby={says}
      placeholder={hint}
      spellCheck={false}
      autoCapitalize="off"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

/** Puts the cursor on a line and selects it. */
export function showLine(box: HTMLTextAreaElement | null, text: string, line: number): void {
  if (!box) return;
  const lines = text.split("\n");
  const at = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  box.focus();
  box.setSelectionRange(at, at + (lines[line - 1]?.length ?? 0));
  box.scrollTop = Math.max(0, ((line - 4) / Math.max(1, lines.length)) * box.scrollHeight);
}

/** JSON as a person reads it; text that is no JSON stays as it is. */
export function tidy(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
