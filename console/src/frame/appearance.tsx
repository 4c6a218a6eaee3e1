import { App as AntApp, ConfigProvider, type ThemeConfig, theme as antTheme } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";

import { useSpeaker } from "../i18n/text";
import { DARK, LIGHT, type Palette } from "./palette";

const KEPT = "shopkeeper.theme";

type AppearanceValue = { dark: boolean; palette: Palette; setDark: (dark: boolean) => void };

const Context = createContext<AppearanceValue>({ dark: false, palette: LIGHT, setDark: () => undefined });

export const useAppearance = (): AppearanceValue => useContext(Context);

function themeOf(dark: boolean, palette: Palette): ThemeConfig {
  return {
    algorithm: dark ? antTheme.darkAlgorithm : antTheme.defaultAlgorithm,
    token: {
      colorPrimary: palette.accentFill,
      colorLink: palette.accent,
      colorLinkHover: palette.accentHover,
      colorLinkActive: palette.accentHover,
      colorInfo: palette.accentFill,
      colorError: palette.bad,
      colorSuccess: palette.good,
      colorWarning: palette.warn,
      colorText: palette.ink,
      colorTextSecondary: palette.ink2,
      colorTextTertiary: palette.ink2,
      colorTextQuaternary: palette.ink3,
      colorTextPlaceholder: palette.ink3,
      colorTextDescription: palette.ink2,
      colorTextDisabled: palette.ink3,
      colorBgLayout: palette.ground,
      colorBgContainer: palette.surface,
      colorBgElevated: palette.surface,
      colorBorder: palette.line2,
      colorBorderSecondary: palette.line,
      borderRadius: 6,
      fontSize: 14,
      fontFamily:
        'Inter, "PingFang SC", "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", system-ui, -apple-system, "Segoe UI", sans-serif',
      motion: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    },
    components: {
      Table: { headerBg: palette.surface, headerColor: palette.ink2, cellPaddingBlockSM: 7, headerSplitColor: "transparent" },
      Tabs: { horizontalMargin: "0 0 16px 0", itemSelectedColor: palette.accent, itemHoverColor: palette.accentHover, inkBarColor: palette.accent },
      Segmented: { itemColor: palette.ink2 },
      Button: { primaryShadow: "none", defaultShadow: "none" },
    },
  };
}

export function Appearance({ children }: { children: ReactNode }) {
  const { language } = useSpeaker();
  const [dark, keep] = useState(document.documentElement.dataset["theme"] === "dark");
  const palette = dark ? DARK : LIGHT;
  const setDark = useCallback((next: boolean) => {
    localStorage.setItem(KEPT, next ? "dark" : "light");
    keep(next);
  }, []);
  useEffect(() => {
    document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  }, [dark]);
  const value = useMemo(() => ({ dark, palette, setDark }), [dark, palette, setDark]);
  const theme = useMemo(() => themeOf(dark, palette), [dark, palette]);
  return (
    <Context.Provider value={value}>
      <ConfigProvider
        locale={language === "zh-CN" ? zhCN : enUS}
        theme={theme}
        button={{ autoInsertSpace: false }}
        tooltip={{ unique: true }}
      >
        <AntApp>{children}</AntApp>
      </ConfigProvider>
    </Context.Provider>
  );
}
