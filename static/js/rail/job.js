// What a job prints, as it prints it, and how it ended.

import { openSocket } from '../api.js';
import { h } from '../dom.js';
import { textNodes } from '../list/row.js';
import { said } from '../said.js';
import { language, t, tables } from '../strings.js';
import { duration } from '../time.js';

/** @param {string} action a later server's may have no words here */
function actionName(action) {
  const key = `action.${action}`;
  return key in tables[language] ? t(key) : action;
}

/** What has to be seen in a long output. @param {string} line */
function lineClass(line) {
  if (/^(FAILED|RESTORED)\b/.test(line)) return 'line bad';
  return 'line';
}

export class JobView {
  /**
   * @param {Job} job
   * @param {() => void} finished
   */
  constructor(job, finished) {
    this.job = job;
    this.finished = finished;
    this.running = true;
    /** Lines shown so far. */
    this.lines = 0;
    this.title = h('h3', { role: 'status' });
    this.output = h('pre', { tabindex: '0', 'aria-label': t('job.label') });
    this.error = h('p', { class: 'warn', hidden: true });
    this.element = h('section', { class: 'job running' }, this.title,
      h('p', { class: 'quiet small' }, t('job.by', { by: job.by })), this.error, this.output);
    this.title.textContent = t('job.running', { action: actionName(job.action) });
    this.socket = openSocket(`jobs/${encodeURIComponent(job.id)}/output`, {});
    this.socket.onmessage = (event) => this.take(/** @type {JobFrame} */ (JSON.parse(event.data)));
    this.socket.onclose = () => this.closed();
  }

  /** @param {JobFrame} frame */
  take(frame) {
    if (frame.type === 'output') {
      this.add(frame.lines.slice(Math.max(0, this.lines - frame.from)));
      return;
    }
    this.add((frame.job.output ?? []).slice(this.lines));
    this.end(frame.job);
  }

  /** @param {string[]} lines */
  add(lines) {
    const { output } = this;
    const atEnd = output.scrollHeight - output.scrollTop - output.clientHeight < 4;
    for (const line of lines) output.append(h('span', { class: lineClass(line) }, ...textNodes(line + '\n', false)));
    this.lines += lines.length;
    if (atEnd) output.scrollTop = output.scrollHeight;
  }

  /** @param {Job} job */
  end(job) {
    this.job = job;
    this.running = false;
    this.element.className = `job ${job.state}`;
    const took = duration(Date.parse(job.finished ?? '') - Date.parse(job.started));
    this.title.textContent = t(`job.${job.state}`, { action: actionName(job.action), took });
    this.error.hidden = !job.error;
    this.error.textContent = said(job.error ?? '');
    if (this.lines === 0) this.output.append(h('span', { class: 'quiet' }, t('job.silent')));
    this.finished();
  }

  closed() {
    if (!this.running) return;
    this.running = false;
    this.error.hidden = false;
    this.error.textContent = t('job.lost');
    this.finished();
  }

  close() {
    this.socket.onclose = null;
    this.socket.close();
  }
}
