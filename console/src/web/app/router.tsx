import type { ComponentType } from 'react';
import { createBrowserRouter, type RouteObject } from 'react-router';
import { CrashPage } from './crash-page.tsx';
import { Shell } from './shell.tsx';

/** Each page is fetched when it is first visited. */
function page(load: () => Promise<{ default: ComponentType }>): Pick<RouteObject, 'lazy'> {
  return { lazy: async () => ({ Component: (await load()).default }) };
}

export const router = createBrowserRouter([
  {
    errorElement: <CrashPage />,
    HydrateFallback: () => null,
    children: [
      { path: '/sign-in', ...page(() => import('../features/sign-in/sign-in-page.tsx')) },
      {
        element: <Shell />,
        children: [
          { index: true, ...page(() => import('../features/home/home-page.tsx')) },
          { path: 'incidents', ...page(() => import('../features/incidents/incident-list-page.tsx')) },
          { path: 'incidents/:incidentId', ...page(() => import('../features/incidents/incident-page.tsx')) },
          { path: 'endpoints', ...page(() => import('../features/fleet/fleet-page.tsx')) },
          { path: 'endpoints/:endpointId', ...page(() => import('../features/endpoint/endpoint-page.tsx')) },
          { path: 'quarantine', ...page(() => import('../features/quarantine/quarantine-page.tsx')) },
          { path: 'subscriptions', ...page(() => import('../features/subscriptions/subscriptions-page.tsx')) },
          { path: 'settings/rules/:ruleId', ...page(() => import('../features/rules/rule-page.tsx')) },
          { path: 'settings/:section?', ...page(() => import('../features/settings/settings-page.tsx')) },
          { path: '*', ...page(() => import('./not-found-page.tsx')) },
        ],
      },
    ],
  },
]);
