/**
 * The X.509 library together with the reflection polyfill that it needs to be loaded first. Import it from
 * here only.
 */
import 'reflect-metadata';

export * from '@peculiar/x509';
