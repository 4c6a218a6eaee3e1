import { Drawer } from "antd";
import type { ReactNode } from "react";

/** Details beside the page; the keyboard can scroll what is inside. */
export function Side({
  title,
  open,
  onClose,
  size,
  extra,
  children,
}: {
  title: string;
  open: boolean;
  onClose: () => void;
  size: number;
  extra?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Drawer
      title={title}
      open={open}
      onClose={onClose}
      size={size}
      destroyOnHidden
      extra={extra}
      styles={{ body: { padding: 0, overflow: "hidden" } }}
    >
      <div className="side" tabIndex={0} role="group" aria-label={title}>
        {children}
      </div>
    </Drawer>
  );
}
