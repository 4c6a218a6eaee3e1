import { SearchOutlined } from "@ant-design/icons";
import { AutoComplete, Input } from "antd";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";

import { useRead } from "../api/client";
import { named, useSpeaker } from "../i18n/text";

function useSettled(value: string, milliseconds: number): string {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/** Customers, audiences, plans, indicators and pages, found by one box. */
export function Search() {
  const { t, say } = useSpeaker();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  const asked = useSettled(text.trim(), 200);
  const found = useRead("GET /api/v1/search", { query: { q: asked } }, { enabled: asked.length > 0 });
  const hits = asked ? (found.data?.items ?? []) : [];
  const kinds = [...new Set(hits.map((hit) => hit.kind))];
  return (
    <AutoComplete<string>
      className="search"
      value={text}
      onChange={setText}
      onSelect={(link) => {
        setText("");
        void navigate(link);
      }}
      options={kinds.map((kind) => ({
        label: named(t, "search.kind", kind),
        options: hits
          .filter((hit) => hit.kind === kind)
          .map((hit) => ({
            value: hit.link,
            label: (
              <span className="break">
                {say(hit.label)} {hit.detail && <span className="muted small">{say(hit.detail)}</span>}
              </span>
            ),
          })),
      }))}
      notFoundContent={asked && found.isSuccess ? t("search.none") : null}
    >
      <Input
        prefix={<SearchOutlined aria-hidden="true" />}
        placeholder={t("search.hint")}
        aria-label={t("search.label")}
        onPressEnter={() => {
          const first = hits[0];
          if (asked && !first && found.isSuccess) void navigate(`/customers?search=${encodeURIComponent(asked)}`);
        }}
        allowClear
      />
    </AutoComplete>
  );
}
