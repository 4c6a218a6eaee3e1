import { Button, Table, type TableColumnsType } from "antd";
import type { ReactNode } from "react";
import { useLocation, useNavigate, useSearchParams } from "react-router";

import { useSpeaker } from "../i18n/text";
import { useOverflow } from "./overflow";

/** A dense table; what opens a row is a link or button inside it, so that the keyboard reaches it. */
export function Rows<T extends object>({
  rows,
  columns,
  rowKey,
  label,
  expand,
  busy = false,
  picked,
  rowClass,
}: {
  rows: T[];
  columns: TableColumnsType<T>;
  rowKey: (row: T) => string;
  label: string;
  expand?: (row: T) => ReactNode;
  busy?: boolean;
  /** Rows that a person picked, by key, for what is done to several at once. */
  picked?: { keys: string[]; onPick: (keys: string[]) => void; name: (row: T) => string };
  rowClass?: (row: T) => string;
}) {
  const [box, over] = useOverflow<HTMLDivElement>();
  return (
    <div ref={box} className="scroll" role="region" aria-label={label} aria-busy={busy} tabIndex={over ? 0 : undefined}>
      <Table<T>
        size="small"
        dataSource={rows}
        columns={columns}
        rowKey={rowKey}
        pagination={false}
        loading={busy}
        {...(rowClass ? { rowClassName: rowClass } : {})}
        {...(picked
          ? {
              rowSelection: {
                selectedRowKeys: picked.keys,
                onChange: (keys) => picked.onPick(keys.map(String)),
                getCheckboxProps: (row: T) => ({ "aria-label": picked.name(row) }) as object,
                getTitleCheckboxProps: () => ({ "aria-label": label }),
              },
            }
          : {})}
        {...(expand ? { expandable: { expandedRowRender: expand } } : {})}
      />
    </div>
  );
}

/** Next and previous page of a cursor list; the cursor stands in the address. */
export function Pager({ next, total, shown }: { next: string | null; total?: number | null; shown: number }) {
  const { t, format } = useSpeaker();
  const [params, setParams] = useSearchParams();
  const navigate = useNavigate();
  const paged = Boolean((useLocation().state as { paged?: boolean } | null)?.paged);
  const cursor = params.get("cursor");
  const go = (value: string | null) =>
    setParams(
      (now) => {
        const copy = new URLSearchParams(now);
        if (value) copy.set("cursor", value);
        else copy.delete("cursor");
        return copy;
      },
      { state: { paged: Boolean(value) } },
    );
  const count =
    total === null || total === undefined
      ? t("table.rows", { count: shown, shown: format.number(shown) })
      : t("table.rowsOf", { shown: format.number(shown), total: format.number(total) });
  if (!cursor && !next) return <p className="pager muted small">{count}</p>;
  return (
    <div className="pager">
      <span className="muted small">{count}</span>
      <Button size="small" disabled={!cursor} onClick={() => (paged ? void navigate(-1) : go(null))}>
        {t(paged ? "table.previous" : "table.first")}
      </Button>
      <Button size="small" disabled={!next} onClick={() => go(next)}>
        {t("table.next")}
      </Button>
    </div>
  );
}
