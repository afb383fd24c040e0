import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/** Indigo of Japanese dyers (藍); 6 and 7 carry white text at 4.5:1. */
const ai: MantineColorsTuple = [
  '#eef6fb',
  '#dbeaf3',
  '#b4d3e6',
  '#8abbd8',
  '#68a7cd',
  '#4f99c4',
  '#31769d',
  '#24648b',
  '#1d4e6b',
  '#123a52',
];

/** Vermilion (朱) for what is dangerous; 6 and 7 carry white text at 4.5:1. */
const shu: MantineColorsTuple = [
  '#fdecec',
  '#fad6d5',
  '#f5b1ae',
  '#f28b87',
  '#ec7b77',
  '#de5a56',
  '#c93a37',
  '#b52a2a',
  '#962020',
  '#741616',
];

export const theme = createTheme({
  colors: { ai, red: shu },
  primaryColor: 'ai',
  primaryShade: { light: 7, dark: 6 },
  fontFamily:
    '"Noto Sans JP", "Hiragino Sans", "Hiragino Kaku Gothic ProN", "Yu Gothic UI", "Noto Sans CJK JP", Meiryo, system-ui, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", Consolas, "Noto Sans Mono CJK JP", monospace',
  headings: {
    fontWeight: '700',
    sizes: {
      h1: { fontSize: '1.5rem', lineHeight: '1.5' },
      h2: { fontSize: '1.125rem', lineHeight: '1.6' },
      h3: { fontSize: '1rem', lineHeight: '1.6' },
    },
  },
  lineHeights: { xs: '1.6', sm: '1.7', md: '1.75', lg: '1.75', xl: '1.75' },
  fontSizes: { xs: '0.8125rem', sm: '0.875rem', md: '1rem', lg: '1.125rem', xl: '1.25rem' },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  components: {
    Modal: {
      defaultProps: { centered: true, size: 'lg', radius: 'md', overlayProps: { backgroundOpacity: 0.45 } },
      styles: { title: { fontWeight: 700, fontSize: '1.125rem' } },
    },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 200, events: { hover: true, focus: true, touch: true } } },
    Badge: { defaultProps: { tt: 'none' } },
    Table: { defaultProps: { verticalSpacing: 'sm' } },
  },
});

/**
 * Colours with a meaning. Each pair of text and ground has at least 4.5:1 in its scheme; the words and
 * icons beside them carry the same meaning without colour.
 */
const LIGHT = {
  '--yg-severe-fg': '#a61b1b',
  '--yg-severe-bg': '#fdecec',
  '--yg-severe-line': '#d64545',
  '--yg-attention-fg': '#8a4b00',
  '--yg-attention-bg': '#fff3df',
  '--yg-attention-line': '#d98a1f',
  '--yg-information-fg': '#1d4e6b',
  '--yg-information-bg': '#e8f2f9',
  '--yg-information-line': '#4f99c4',
  '--yg-settled-fg': '#1c6336',
  '--yg-settled-bg': '#e7f5ec',
  '--yg-settled-line': '#3d9a61',
  '--yg-quiet-fg': '#51606b',
  '--yg-quiet-bg': '#eef1f3',
  '--yg-quiet-line': '#8b99a3',
  '--yg-canvas': '#f5f7f8',
  '--yg-surface': '#ffffff',
  '--yg-line': '#d9dfe3',
  '--yg-control-line': '#7a8892',
  '--yg-text': '#1a2126',
  '--yg-dimmed': '#51606b',
  '--yg-hover': '#f0f4f7',
  '--yg-selected': '#e6f0f7',
  '--yg-escape-bg': '#fbe3f2',
  '--yg-escape-fg': '#86195b',
};

const DARK: typeof LIGHT = {
  '--yg-severe-fg': '#ffa8a3',
  '--yg-severe-bg': '#43191a',
  '--yg-severe-line': '#e0605c',
  '--yg-attention-fg': '#ffc880',
  '--yg-attention-bg': '#3d2a0d',
  '--yg-attention-line': '#d9922f',
  '--yg-information-fg': '#a9d4ee',
  '--yg-information-bg': '#15303f',
  '--yg-information-line': '#4f99c4',
  '--yg-settled-fg': '#98dcb0',
  '--yg-settled-bg': '#13331f',
  '--yg-settled-line': '#4aa870',
  '--yg-quiet-fg': '#b3bfc7',
  '--yg-quiet-bg': '#283037',
  '--yg-quiet-line': '#77858f',
  '--yg-canvas': '#11161a',
  '--yg-surface': '#1a2026',
  '--yg-line': '#343e46',
  '--yg-control-line': '#77858f',
  '--yg-text': '#e6ebee',
  '--yg-dimmed': '#aab6be',
  '--yg-hover': '#222a31',
  '--yg-selected': '#1b3342',
  '--yg-escape-bg': '#4a1f39',
  '--yg-escape-fg': '#ffb3dd',
};

const mantineFrom = (tokens: typeof LIGHT) => ({
  ...tokens,
  '--mantine-color-body': tokens['--yg-surface'],
  '--mantine-color-text': tokens['--yg-text'],
  '--mantine-color-dimmed': tokens['--yg-dimmed'],
  '--mantine-color-placeholder': tokens['--yg-dimmed'],
  '--mantine-color-default-border': tokens['--yg-control-line'],
  '--mantine-color-error': tokens['--yg-severe-fg'],
});

export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {},
  light: mantineFrom(LIGHT),
  dark: mantineFrom(DARK),
});

export const COLOR_SCHEME_KEY = 'yagura-color-scheme';
