export declare const INSTALLATION_FILE: string;
export declare function pinnedNodePath(root: string): string | undefined;
export declare function dataPlaces(
  root: string,
  env?: Readonly<Record<string, string | undefined>>,
): { readonly inClone: string; readonly ofSystem: string; readonly ofUser: string };
