// A clock that the test moves, a collector that answers what the test says, and a video that does
// what the test does. Loaded before the beacon script.
(() => {
  const real = {setTimeout: window.setTimeout, fetch: window.fetch};
  let clock = 1000, next = 1, timers = new Map();
  const epoch = 1788896700000;
  performance.now = () => clock;
  Date.now = () => epoch + clock;
  Math.random = () => 0.5;
  window.setTimeout = (f, ms) => (timers.set(next, {f, at: clock + (ms || 0)}), next++);
  window.clearTimeout = id => timers.delete(id);

  window.attempts = []; // bodies by fetch, taken or not
  window.sent = []; // beacons that were taken
  window.answer = () => 204; // status; 0: no connection
  const takes = body => body.split('\n').forEach(line => sent.push(JSON.parse(line)));
  window.fetch = (to, options) => {
    const status = answer();
    attempts.push({to, at: clock, options: Object.assign({}, options, {signal: undefined})});
    if (status === 204) takes(options.body);
    return status ? Promise.resolve({status}) : Promise.reject(new TypeError('no connection'));
  };
  window.left = 0; // calls of sendBeacon
  navigator.sendBeacon = (to, body) => (left++, takes(body), true);

  const settle = () => new Promise(done => real.setTimeout.call(window, done, 0));
  // pass moves the clock by steps of at most 250 ms; each(ms) is called after each.
  window.pass = async (ms, each) => {
    await settle();
    for (const end = clock + ms; clock < end;) {
      const due = [...timers].sort((a, b) => a[1].at - b[1].at)[0];
      const step = Math.min(clock + 250, end);
      const to = due ? Math.max(clock, Math.min(step, due[1].at)) : step;
      const by = to - clock;
      clock = to;
      if (each && by) each(by);
      if (due && due[1].at <= clock) {
        timers.delete(due[0]);
        due[1].f();
        await settle();
      }
    }
    await settle();
  };
  window.sleep = ms => { clock += ms; }; // a machine that slept: no timer fires meanwhile
  window.pending = () => timers.size;

  window.Video = class extends EventTarget {
    constructor() {
      super();
      Object.assign(this, {paused: true, ended: false, seeking: false, autoplay: false, readyState: 0, networkState: 0, currentTime: 0, playbackRate: 1, error: null});
    }
    fire(name) { this.dispatchEvent(new Event(name)); }
    play() { this.paused = this.ended = false; this.fire('play'); }
    shows() { this.readyState = 4; this.fire('playing'); }
    pause() { this.paused = true; this.fire('pause'); }
    stalls() { this.readyState = 2; this.fire('waiting'); }
    async plays(ms) {
      await pass(ms, by => {
        this.currentTime += by / 1000 * this.playbackRate;
        this.fire('timeupdate');
      });
    }
    seek(to) { this.currentTime = to; this.seeking = true; this.readyState = 1; this.fire('seeking'); this.fire('waiting'); }
    sought() { this.seeking = false; this.readyState = 4; this.fire('seeked'); }
  };
  window.hidden = state => {
    Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});
    document.dispatchEvent(new Event('visibilitychange'));
  };
  window.sum = name => sent.reduce((n, b) => n + (b[name] || 0), 0);
  window.events = () => sent.map(b => b.event).join(' ');
  window.count = event => sent.filter(b => b.event === event).length;
})();
