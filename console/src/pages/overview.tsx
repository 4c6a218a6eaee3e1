import { ArrowRightOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { Link } from "react-router";

import { useRead } from "../api/client";
import { useSpeaker } from "../i18n/text";
import { cash, Status, Tiles } from "../parts/figures";
import { Card, Page } from "../parts/page";
import { Loaded, Nothing } from "../parts/states";

export default function Overview() {
  const { t, say, format } = useSpeaker();
  const overview = useRead("GET /api/v1/overview", {});
  return (
    <Page title={t("nav.overview")} purpose={t("overview.purpose")}>
      <Loaded query={overview} lines={10}>
        {(data) => (
          <>
            {data.next_step && (
              <div className="card">
                <Nothing next={data.next_step} title={t("overview.emptyTitle")} />
              </div>
            )}
            {data.sentences.length > 0 && (
              <section className="card" aria-label={t("overview.answers")}>
                <ul className="sentences">
                  {data.sentences.map((sentence) => (
                    <li key={sentence.key}>
                      <Link to={sentence.link}>
                        <span>{say(sentence.text)}</span>
                        <ArrowRightOutlined className="arrow" aria-hidden="true" />
                      </Link>
                    </li>
                  ))}
                </ul>
              </section>
            )}
            {data.figures.length > 0 && <Tiles figures={data.figures} />}
            {data.today.length > 0 && (
              <Card title={t("overview.today")}>
                <ul className="tasks">
                  {data.today.map((task) => (
                    <li key={task.key}>
                      <div>
                        <p>{say(task.text)}</p>
                        <p className="muted small">{say(task.why)}</p>
                      </div>
                      {task.value && <span className="num nowrap">{cash(format, task.value, true)}</span>}
                      <Link to={task.link}>
                        <Button tabIndex={-1}>{say(task.action)}</Button>
                      </Link>
                    </li>
                  ))}
                </ul>
              </Card>
            )}
            <Card title={t("overview.loop")} help={t("overview.loopHelp")}>
              <ol className="loop">
                {data.stages.map((stage) => (
                  <li key={stage.stage}>
                    <Link to={stage.link} className={stage.state}>
                      <span className="name">
                        {say(stage.name)} <Status family="stage.state" word={stage.state} />
                      </span>
                      <span className="small">{say(stage.summary)}</span>
                      {stage.last_run_at && <span className="small muted"> · {format.ago(stage.last_run_at)}</span>}
                    </Link>
                  </li>
                ))}
              </ol>
            </Card>
          </>
        )}
      </Loaded>
    </Page>
  );
}
