// Asks for the page's content again and again, and says how that goes.

import { morph } from "./morph.js";

const TIMEOUT_MS = 15_000;

export class Refresher {
  constructor(seconds, onChange) {
    this.seconds = seconds;
    this.onChange = onChange;
    this.last = null;
    this.paused = false;
    this.busy = false;
    this.due = 0;
    this.timer = null;
    this.state = document.getElementById("update-state");
    this.button = document.getElementById("refresh-now");
    this.pauseButton = document.getElementById("pause");
  }

  start() {
    this.button.addEventListener("click", () => this.refresh());
    this.pauseButton.addEventListener("click", () => this.toggle());
    document.addEventListener("visibilitychange", () => {
      // Timers of hidden pages are slow: who comes back sees what is, not what was.
      if (!document.hidden && !this.paused && Date.now() >= this.due) {
        this.refresh();
      }
    });
    this.schedule();
  }

  schedule() {
    clearTimeout(this.timer);
    this.due = Date.now() + this.seconds * 1000;
    if (!this.paused) {
      this.timer = setTimeout(() => this.refresh(), this.seconds * 1000);
    }
  }

  toggle() {
    this.paused = !this.paused;
    this.pauseButton.setAttribute("aria-pressed", String(this.paused));
    this.say(this.paused ? "Paused" : "");
    if (this.paused) {
      clearTimeout(this.timer);
    } else {
      this.refresh();
    }
  }

  async refresh() {
    if (this.busy) {
      return;
    }
    this.busy = true;
    this.button.setAttribute("aria-busy", "true");
    try {
      this.show(await this.load());
    } catch (problem) {
      this.stale(problem);
    } finally {
      this.busy = false;
      this.button.removeAttribute("aria-busy");
      this.schedule();
    }
  }

  async load() {
    const address = new URL(window.location.href);
    address.searchParams.set("fragment", "1");
    const answer = await fetch(address, {
      headers: { accept: "text/html" },
      cache: "no-store",
      credentials: "same-origin",
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) {
      window.location.reload(); // The session is over: the server leads to the login and back.
      return null;
    }
    if (!answer.ok) {
      throw new Error(`the service answered ${answer.status}`);
    }
    return answer.text();
  }

  show(html) {
    if (html === null) {
      return;
    }
    const wanted = new DOMParser().parseFromString(html, "text/html").getElementById("content");
    if (wanted === null) {
      throw new Error("the service answered something else");
    }
    document.getElementById("stale").hidden = true;
    this.say(this.paused ? "Paused" : "");
    const time = document.getElementById("updated-at");
    time.dateTime = wanted.dataset.updatedIso;
    time.textContent = wanted.dataset.updatedText;
    const text = wanted.innerHTML;
    if (text !== this.last) {
      this.last = text;
      this.swap(wanted);
    }
  }

  swap(wanted) {
    const focused = document.activeElement;
    morph(document.getElementById("content"), wanted);
    if (focused !== document.activeElement && focused?.isConnected) {
      focused.focus({ preventScroll: true }); // A row that moved loses the focus on its way.
    }
    this.onChange();
  }

  stale(problem) {
    const why = problem.name === "TimeoutError" ? "no answer in time" : problem instanceof TypeError ? "no connection" : problem.message;
    const shown = document.getElementById("updated-at").textContent;
    document.getElementById("stale-text").textContent =
      `They were right at ${shown}. The last try to update failed: ${why}. ` +
      (this.paused ? "Updates are paused." : `The next try is in ${this.seconds} s.`);
    document.getElementById("stale").hidden = false;
    this.say("Not up to date");
  }

  say(text) {
    if (this.state.textContent !== text) {
      this.state.textContent = text;
    }
  }
}
