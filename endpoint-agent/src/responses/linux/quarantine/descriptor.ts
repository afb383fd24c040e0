import { closeSync } from 'node:fs';

/** An open file descriptor with an owner: closed once, when its scope ends. */
export class Descriptor implements Disposable {
  readonly fd: number;
  #isOpen = true;

  constructor(fd: number) {
    this.fd = fd;
  }

  [Symbol.dispose](): void {
    if (this.#isOpen) closeSync(this.fd);
    this.#isOpen = false;
  }
}
