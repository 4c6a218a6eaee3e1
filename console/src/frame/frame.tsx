import {
  AimOutlined, AppstoreOutlined, BarChartOutlined, ClockCircleOutlined, CloudDownloadOutlined, FundOutlined,
  MoonOutlined, RetweetOutlined, SafetyCertificateOutlined, SendOutlined, SettingOutlined, SunOutlined, TeamOutlined, UserOutlined,
} from "@ant-design/icons";
import { Button, Segmented } from "antd";
import { type ReactNode, useEffect } from "react";
import { Link, NavLink, Outlet, ScrollRestoration } from "react-router";

import { useRead } from "../api/client";
import { changeLanguage, k, type Language } from "../i18n";
import { keepZone, useSpeaker } from "../i18n/text";
import { useAppearance } from "./appearance";
import { Search } from "./search";

type Entry = { to: string; word: string; icon: ReactNode };

// The loop, in the order data flows; the same words as packages, commands and paths.
const LOOP: Entry[] = [
  { to: "/collect", word: k("nav.collect"), icon: <CloudDownloadOutlined /> },
  { to: "/govern", word: k("nav.govern"), icon: <SafetyCertificateOutlined /> },
  { to: "/customers", word: k("nav.customers"), icon: <UserOutlined /> },
  { to: "/predict", word: k("nav.predict"), icon: <FundOutlined /> },
  { to: "/segment", word: k("nav.segment"), icon: <TeamOutlined /> },
  { to: "/decide", word: k("nav.decide"), icon: <AimOutlined /> },
  { to: "/deliver", word: k("nav.deliver"), icon: <SendOutlined /> },
  { to: "/measure", word: k("nav.measure"), icon: <BarChartOutlined /> },
  { to: "/learn", word: k("nav.learn"), icon: <RetweetOutlined /> },
];
const REST: Entry[] = [
  { to: "/runs", word: k("nav.runs"), icon: <ClockCircleOutlined /> },
  { to: "/settings", word: k("nav.settings"), icon: <SettingOutlined /> },
];

function Entries({ entries, joined }: { entries: Entry[]; joined: boolean }) {
  const { t } = useSpeaker();
  return (
    <ul>
      {entries.map((entry, index) => (
        <li key={entry.to}>
          {joined && index > 0 && <div className="link-between" aria-hidden="true" />}
          <NavLink to={entry.to} end={entry.to === "/"} title={t(entry.word)}>
            <span aria-hidden="true">{entry.icon}</span>
            <span className="word">{t(entry.word)}</span>
          </NavLink>
        </li>
      ))}
    </ul>
  );
}

export function Frame() {
  const { t, language, format } = useSpeaker();
  const { dark, setDark } = useAppearance();
  const shop = useRead("GET /api/v1/overview", {}).data?.shop;
  const zone = shop?.time_zone;
  useEffect(() => {
    if (zone) keepZone(zone);
  }, [zone]);
  return (
    <div className="frame">
      <a className="skip" href="#content">
        {t("frame.skip")}
      </a>
      <Link to="/" className="brand" aria-label={t("app.name")}>
        <img src="/favicon.svg" alt="" />
        <span>{t("app.name")}</span>
      </Link>
      <header className="top">
        <Search />
        <div className="grow" />
        {shop && (
          <span className="muted small nowrap fresh" title={shop.time_zone}>
            {shop.name}
            {shop.as_of ? ` · ${t("fresh.asOf", { day: format.day(shop.as_of) })}` : ""}
          </span>
        )}
        {shop?.simulated && (
          <span className="tag warn fresh" title={t("frame.simulatedHelp")}>
            {t("frame.simulated")}
          </span>
        )}
        <Segmented<Language>
          size="small"
          aria-label={t("frame.language")}
          value={language}
          onChange={(next) => void changeLanguage(next)}
          options={[
            { value: "zh-CN", label: t("frame.zh") },
            { value: "en", label: t("frame.en") },
          ]}
        />
        <Button
          type="text"
          aria-label={t(dark ? "frame.light" : "frame.dark")}
          title={t(dark ? "frame.light" : "frame.dark")}
          aria-pressed={dark}
          icon={dark ? <SunOutlined /> : <MoonOutlined />}
          onClick={() => setDark(!dark)}
        />
      </header>
      <nav className="nav" aria-label={t("frame.nav")}>
        <Entries entries={[{ to: "/", word: k("nav.overview"), icon: <AppstoreOutlined /> }]} joined={false} />
        <div style={{ height: 10 }} />
        <Entries entries={LOOP} joined />
        <div className="rest">
          <Entries entries={REST} joined={false} />
        </div>
      </nav>
      <main className="main" id="content" tabIndex={0}>
        <Outlet />
      </main>
      <ScrollRestoration />
    </div>
  );
}
