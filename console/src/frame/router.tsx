import { type ComponentType, lazy, Suspense } from "react";
import { createBrowserRouter, Navigate } from "react-router";

import { Frame } from "./frame";
import { Lost } from "./lost";
import { Waiting } from "./waiting";

const page = (load: () => Promise<{ default: ComponentType }>) => {
  const Lazy = lazy(load);
  return (
    <Suspense fallback={<Waiting />}>
      <Lazy />
    </Suspense>
  );
};

export const router = createBrowserRouter([
  {
    element: <Frame />,
    errorElement: <Lost />,
    children: [
      { path: "/", element: page(() => import("../pages/overview")) },
      { path: "/overview", element: <Navigate to="/" replace /> },
      { path: "/collect", element: page(() => import("../pages/collect")) },
      { path: "/collect/:tab", element: page(() => import("../pages/collect")) },
      { path: "/govern", element: page(() => import("../pages/govern")) },
      { path: "/govern/:tab", element: page(() => import("../pages/govern")) },
      { path: "/customers", element: page(() => import("../pages/customers")) },
      { path: "/customers/:id", element: page(() => import("../pages/customer")) },
      { path: "/predict", element: page(() => import("../pages/predict")) },
      { path: "/predict/:tab", element: page(() => import("../pages/predict")) },
      { path: "/predict/asked/new", element: page(() => import("../pages/predict/ask")) },
      { path: "/predict/asked/:name", element: page(() => import("../pages/predict/answer")) },
      { path: "/predict/models/:task/compare", element: page(() => import("../pages/predict/compare")) },
      { path: "/predict/models/:task/:version", element: page(() => import("../pages/model")) },
      { path: "/segment", element: page(() => import("../pages/segment")) },
      { path: "/segment/:tab", element: page(() => import("../pages/segment")) },
      { path: "/segment/audiences/new", element: page(() => import("../pages/builder")) },
      { path: "/segment/audiences/:id", element: page(() => import("../pages/audience")) },
      { path: "/decide", element: page(() => import("../pages/decide")) },
      { path: "/decide/plans", element: <Navigate to="/decide" replace /> },
      { path: "/decide/plans/:id", element: page(() => import("../pages/plan")) },
      { path: "/deliver", element: page(() => import("../pages/deliver")) },
      { path: "/deliver/outbox", element: <Navigate to="/deliver" replace /> },
      { path: "/measure", element: page(() => import("../pages/measure")) },
      { path: "/measure/:tab", element: page(() => import("../pages/measure")) },
      { path: "/learn", element: page(() => import("../pages/learn")) },
      { path: "/learn/:tab", element: page(() => import("../pages/learn")) },
      { path: "/settings/runs", element: <Navigate to="/runs" replace /> },
      { path: "/runs", element: page(() => import("../pages/runs")) },
      { path: "/runs/:id", element: page(() => import("../pages/runs")) },
      { path: "/settings", element: page(() => import("../pages/settings")) },
      { path: "*", element: <Lost /> },
    ],
  },
]);
