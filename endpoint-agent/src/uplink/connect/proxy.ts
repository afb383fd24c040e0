import { BlockList, isIP } from 'node:net';

export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for an https address, as curl reads it: `HTTPS_PROXY` unless
 * `NO_PROXY` covers the host, either in lower case as well. Undefined for a direct connection; an address
 * that is no http(s) URL counts as none.
 */
export function proxyFor(target: URL, environment: ProxyEnvironment): URL | undefined {
  const value = environment['https_proxy'] || environment['HTTPS_PROXY'];
  if (!value) return undefined;
  const exceptions = environment['no_proxy'] || environment['NO_PROXY'] || '';
  const port = target.port || '443';
  if (exceptions.split(/[\s,]+/).some((entry) => entry !== '' && covers(entry.toLowerCase(), hostOf(target), port))) {
    return undefined;
  }
  const text = value.includes('://') ? value : `http://${value}`;
  if (!URL.canParse(text)) return undefined;
  const proxy = new URL(text);
  return proxy.protocol === 'http:' || proxy.protocol === 'https:' ? proxy : undefined;
}

/** Host without the brackets that URLs put around IPv6. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
}

function covers(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inNetwork(entry, host);
  const withPort = /^(.+):(\d+)$/.exec(entry);
  if (withPort?.[1] !== undefined && isIP(entry) === 0) {
    return withPort[2] === port && covers(withPort[1].replace(/^\[|\]$/g, ''), host, port);
  }
  const name = entry.replace(/^\*?\./, '');
  return host === name || (isIP(host) === 0 && host.endsWith(`.${name}`));
}

function inNetwork(entry: string, host: string): boolean {
  const [network = '', prefix = ''] = entry.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(prefix)) return false;
  const name = family === 6 ? 'ipv6' : 'ipv4';
  if (Number(prefix) > (family === 6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), name);
  return list.check(host, name);
}
