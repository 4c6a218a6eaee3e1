import { Skeleton, Tabs } from "antd";
import { type ComponentType, lazy, type LazyExoticComponent, Suspense } from "react";
import { useNavigate, useParams } from "react-router";

import { useSpeaker } from "../i18n/text";
import { Page } from "../parts/page";
import Scores from "./predict/scores";

const Models = lazy(() => import("./predict/models"));
const Recommend = lazy(() => import("./predict/recommend"));
const Uplift = lazy(() => import("./predict/uplift"));
const Forecast = lazy(() => import("./predict/forecast"));
const Text = lazy(() => import("./predict/text"));
const Asked = lazy(() => import("./predict/asked"));

export default function Predict() {
  const { t } = useSpeaker();
  const navigate = useNavigate();
  const { tab = "scores" } = useParams();
  return (
    <Page title={t("nav.predict")} purpose={t("predict.purpose")}>
      <Tabs
        activeKey={tab}
        onChange={(next) => void navigate(next === "scores" ? "/predict" : `/predict/${next}`)}
        destroyOnHidden
        items={[
          { key: "scores", label: t("predict.tabScores"), children: <Scores /> },
          { key: "models", label: t("predict.tabModels"), children: <Later page={Models} /> },
          { key: "recommend", label: t("predict.tabRecommend"), children: <Later page={Recommend} /> },
          { key: "uplift", label: t("predict.tabUplift"), children: <Later page={Uplift} /> },
          { key: "forecast", label: t("predict.tabForecast"), children: <Later page={Forecast} /> },
          { key: "text", label: t("predict.tabText"), children: <Later page={Text} /> },
          { key: "asked", label: t("predict.tabAsked"), children: <Later page={Asked} /> },
        ]}
      />
    </Page>
  );
}

function Later({ page: Content }: { page: LazyExoticComponent<ComponentType> }) {
  return (
    <Suspense fallback={<Skeleton active title={false} paragraph={{ rows: 6 }} />}>
      <Content />
    </Suspense>
  );
}
