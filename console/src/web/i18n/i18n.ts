import { createInstance, type i18n as I18n } from 'i18next';
import { initReactI18next, useTranslation } from 'react-i18next';
import { en } from './en.ts';
import { ja } from './ja.ts';
import { type Language, storedLanguage, storeLanguage } from './language.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof ja };
  }
}

export const i18n: I18n = createInstance();

void i18n.use(initReactI18next).init({
  lng: storedLanguage(),
  fallbackLng: false,
  resources: { ja: { translation: ja }, en: { translation: en } },
  // React escapes what it renders; foreign strings go through visibleText or <Untrusted> before.
  interpolation: { escapeValue: false },
  initAsync: false,
});

export function useLanguage(): { language: Language; setLanguage: (language: Language) => void } {
  const { i18n: instance } = useTranslation();
  return {
    language: instance.language === 'en' ? 'en' : 'ja',
    setLanguage: (language) => {
      storeLanguage(language);
      document.documentElement.lang = language;
      void instance.changeLanguage(language);
    },
  };
}
