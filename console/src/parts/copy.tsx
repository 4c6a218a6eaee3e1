import { CheckOutlined, CopyOutlined } from "@ant-design/icons";
import { App, Button } from "antd";
import { useState } from "react";

import { useSpeaker } from "../i18n/text";

/** Copies a text; says so, also to readers of screens. */
export function Copy({ text, what }: { text: string; what: string }) {
  const { t } = useSpeaker();
  const { message } = App.useApp();
  const [done, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without https the browser keeps the clipboard from pages; the old way still works.
      const box = document.createElement("textarea");
      box.value = text;
      document.body.append(box);
      box.select();
      document.execCommand("copy");
      box.remove();
    }
    setDone(true);
    void message.success(t("copy.done", { what }));
    setTimeout(() => setDone(false), 2000);
  };
  return (
    <Button
      size="small"
      type="text"
      icon={done ? <CheckOutlined /> : <CopyOutlined />}
      aria-label={t("copy.do", { what })}
      title={t("copy.do", { what })}
      onClick={() => void copy()}
    />
  );
}
