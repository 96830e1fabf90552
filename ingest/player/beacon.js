/*
 * vigie-beacon.js tells Vigie's collector how a viewing of a <video> goes. No dependency, ES2017.
 *
 *   <script src="https://HOST:8081/vigie-beacon.js" data-watch="video" data-channel="tf1"></script>
 * or, with what the player knows:
 *   const viewing = Vigie.watch(video, {channel: 'tf1', cdn: 'akamai', device: 'tv', hls});
 *
 * Options, each also a data- attribute of the script unless it is an object or a function:
 *   to       where beacons go; the script's own host, /beacon
 *   watch    (attribute only) CSS selector of the videos to watch without a call
 *   sample   share of viewings that report, 1 at first. Nobody believes a viewer's weight: with
 *            0.01 set collectors.beacons.weight to 100, or the board shows a hundredth
 *   channel, cdn, device, player   texts, or functions that return them
 *   privacy  true: report nothing where Do Not Track or Global Privacy Control is set
 *   session  id of the first viewing; else CMCD's of the player, else random
 *   bitrate  bits per second of what is shown, a number or a function; the player's own is known
 *   hls, shaka, dash   the player: bit rate, bytes, fatal errors. May come by a later watch()
 *
 * watch() returns {session, request(), fail(code), stop(), p2p(bytes)}. request() says that the
 * viewer asked for it, where that is earlier than the video's play event. Peer-to-peer bytes are
 * those since the last call: Vigie.p2p({down, up, peers}). They are taken off what the player says it
 * loaded, unless cdn tells that apart.
 *
 * A viewing begins when playback is asked for; it ends with the media, with another source, 5 s after an
 * error that the player does not get over, after 5 min of pause, or by stop(). No cookie and nothing
 * about the machine is read. Nothing thrown here reaches the page.
 */
(() => {
  'use strict';
  if (window.Vigie) return;

  const BEAT = 10000; // ms between heartbeats
  const PAUSED = 300000; // ms of pause that end a viewing
  const GRACE = 5000; // ms to get over an error
  const NUDGE = 2; // s; a player that is stuck jumps less than that, a viewer more
  const MOST = 20; // beacons kept while the collector is away
  const IDLE = 0, PLAYING = 1, STALLED = 2, SEEKING = 3;

  const now = () => performance.now();
  const safe = f => (...args) => {
    try { return f(...args); } catch (e) { return undefined; }
  };
  const later = (f, ms) => setTimeout(safe(f), ms);
  const told = v => (typeof v === 'function' ? safe(v)() : v);
  const text = (v, most) => {
    v = told(v);
    return v === undefined || v === null ? undefined : String(v).replace(/[\0-\x1f\x7f-\x9f]/g, ' ').slice(0, most) || undefined;
  };
  const id = () => {
    if (crypto.randomUUID) return crypto.randomUUID();
    const hex = [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, '0')).join('');
    return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})/, '$1-$2-4$3-8$4-');
  };

  // One for each collector: what waits, and from when on it may be sent. What was not taken is sent
  // again with its seq, so that it counts once.
  const collectors = new Map();
  let leaving = false; // with the page: nothing is fetched, it goes by sendBeacon
  const collector = to => {
    if (collectors.has(to)) return collectors.get(to);
    let waits = [], flying = false, failures = 0, from = 0; // from Infinity on: it refused
    const flush = safe(() => {
      if (!waits.length || flying || leaving || now() < from) return;
      const sent = waits, abort = new AbortController();
      const timer = later(() => abort.abort(), 15000);
      const landed = safe(status => {
        clearTimeout(timer);
        flying = false;
        if (status >= 200 && status < 300) {
          failures = 0;
          flush();
        } else if (!status || status >= 500 || status === 429 || status === 408) {
          // All viewers lose the collector at once: chance spreads their return.
          const wait = Math.min(BEAT * Math.pow(2, failures++), 300000) * (0.5 + Math.random());
          waits = sent.concat(waits).slice(-MOST);
          from = now() + wait;
          later(flush, wait + 1);
        } else {
          from = Infinity;
          waits = [];
        }
      });
      waits = [];
      flying = true;
      // A string is text/plain, which needs no preflight.
      fetch(to, {method: 'POST', body: sent.join('\n'), keepalive: true, credentials: 'omit', signal: abort.signal})
        .then(r => landed(r.status), () => landed(0));
    });
    const c = {
      ready: () => now() >= from,
      put(beacon) {
        if (from < Infinity) waits = waits.concat(JSON.stringify(beacon)).slice(-MOST);
        flush();
      },
      leave(last) {
        if (waits.length && (last || now() >= from) && navigator.sendBeacon(to, waits.join('\n'))) waits = [];
      },
    };
    collectors.set(to, c);
    return c;
  };

  const watched = new WeakMap();
  const active = new Set(); // viewings that go on
  let latest = null;

  const watch = (video, options) => {
    const old = watched.get(video);
    if (old) {
      old.use(options);
      return old.handle;
    }
    const o = Object.assign({}, defaults);
    let s = null; // the viewing; null while nobody asked for one
    let first = true;

    // tick counts the time since the last tick for what was going on.
    const tick = () => {
      if (!s) return;
      const t = now(), at = video.currentTime, rate = video.playbackRate || 1;
      const past = Math.max(0, t - s.last), moved = (at - s.at) * 1000;
      s.last = t;
      s.at = at;
      if (s.state === STALLED) s.stallTime += Math.min(past, 60000);
      if (s.state !== PLAYING) return;
      // After a gap, as when the machine slept, the media's clock knows better.
      s.watched += past < 2000 ? past : Math.max(0, Math.min(past, moved / rate));
      if (moved > 0 && moved < past * rate * 1.5 + 500) {
        s.media += moved;
        s.bits += moved / 1000 * s.bitrate;
      }
      if (t - s.rated >= 1000) {
        s.rated = t;
        s.bitrate = bitrate() || 0;
      }
    };
    const enter = state => {
      tick();
      s.state = state;
      s.paused = state === IDLE ? now() : 0;
    };

    const bitrate = safe(() => {
      if (o.bitrate) return +told(o.bitrate) || 0;
      if (o.hls) {
        const level = o.hls.levels[o.hls.currentLevel];
        return level ? level.averageBitrate || level.bitrate || 0 : 0;
      }
      if (o.shaka) return o.shaka.getVariantTracks().filter(v => v.active).map(v => v.bandwidth)[0] || 0;
      return o.dash ? o.dash.getCurrentRepresentationForType('video').bandwidth : 0;
    });
    // Bytes of fragments come by events but from Shaka, which has a total.
    let total = 0;
    const fragment = bytes => {
      if (s && bytes > 0) s.cdn += bytes;
      mend();
    };
    const shakaBytes = safe(() => {
      const t = o.shaka ? o.shaka.getStats().bytesDownloaded || 0 : 0;
      s.cdn += t < total ? t : t - total;
      total = t;
    });
    const cmcd = safe(() => {
      const c = o.hls ? o.hls.config.cmcd : o.shaka ? o.shaka.getConfiguration().cmcd : null;
      if (o.dash) return o.dash.getSettings().streaming.cmcd.sid;
      return c && (c.sessionId || o.hls && o.hls.sessionId);
    });

    const ask = () => {
      if (s) return;
      const asksNot = navigator.doNotTrack === '1' || navigator.globalPrivacyControl;
      const honoured = o.privacy !== undefined && String(o.privacy) !== 'false';
      const share = parseFloat(o.sample);
      s = {
        id: first && (text(o.session, 64) || text(cmcd(), 64)) || id(), silent: asksNot && honoured || !o.to || Math.random() >= (share >= 0 ? share : 1),
        seq: 0, asked: now(), time: Date.now(), requested: false, started: false, stuck: false, code: '', grace: 0, timer: 0,
        state: IDLE, last: now(), at: video.currentTime, paused: 0, sent: 0, rated: 0, bitrate: bitrate() || 0,
        watched: 0, stallTime: 0, stalls: 0, media: 0, bits: 0, cdn: 0, down: 0, up: 0, peers: 0,
      };
      first = false;
      active.add(self);
      again(BEAT * (0.5 + Math.random() / 2)); // not all viewers on the same second
    };
    const again = ms => {
      clearTimeout(s.timer);
      s.timer = later(beat, ms);
    };
    const request = () => {
      ask();
      if (s.requested) return;
      s.requested = true;
      tell('playbackRequest', {t: s.time});
    };

    // take empties a counter but for what is no whole number yet, or more than one beacon may say.
    const take = (name, most) => {
      const n = Math.min(most, Math.max(0, Math.round(s[name])));
      s[name] -= n;
      return n || undefined; // JSON leaves it out
    };
    const tell = (event, more) => {
      s.sent = now();
      if (s.silent) return;
      if (o.shaka) shakaBytes();
      collector(o.to).put(Object.assign({
        v: 1, session: s.id, t: Date.now(), seq: ++s.seq, event, started: s.started || undefined,
        channel: text(o.channel, 64), cdn: text(o.cdn, 32), device: text(o.device, 32), player: text(o.player, 64),
        watchedTime: take('watched', 36e5), playbackStallCount: take('stalls', 1000), playbackStallDuration: take('stallTime', 36e5),
        bitsPlayed: take('bits', 1e12), mediaTime: take('media', 144e5), cdnBytes: take('cdn', 1073741824),
        p2pDownBytes: take('down', 1073741824), p2pUpBytes: take('up', 1073741824), peers: s.peers || undefined,
      }, more));
    };
    // While the collector is away counters wait in the viewing, not as beacons.
    const heartbeat = () => {
      request();
      tick();
      if (!collector(o.to).ready()) return;
      tell(s.stuck ? 'playbackStall' : 'heartbeat');
      s.stuck = false;
    };
    const beat = () => {
      if (!s) return;
      if (s.paused && now() - s.paused >= PAUSED) return end();
      again(BEAT);
      heartbeat();
    };
    const end = code => {
      if (!s) return;
      tick();
      clearTimeout(s.timer);
      clearTimeout(s.grace);
      if (!s.requested) request();
      code = code || s.code;
      tell(code ? 'playbackFail' : 'playbackFinish', code ? {errorCode: text(code, 64)} : undefined);
      active.delete(self);
      s = null;
    };

    // Players get over many an error that they call fatal: a reload, another rendition, a new decoder.
    const failing = code => {
      if (!s || s.code) return;
      s.code = code || 'unknown';
      const judge = () => {
        if (!s || !s.code) return;
        if (s.state === PLAYING && !video.error) s.grace = later(judge, GRACE); // from what is in the buffer
        else end();
      };
      s.grace = later(judge, GRACE);
    };
    const mend = () => {
      if (!s || !s.code || video.error) return;
      clearTimeout(s.grace);
      s.code = '';
    };

    const playing = () => {
      const late = !s; // watched from here on, so nobody knows how long the start took
      request();
      mend();
      enter(PLAYING);
      if (s.started) return;
      s.started = true;
      tell('playbackStart', late ? undefined : {startupTime: Math.round(now() - s.asked)});
    };
    const on = {
      // Autoplay tells of no play event before there is data.
      loadstart() {
        if (video.autoplay) ask();
      },
      canplaythrough() {
        if (!s || s.started || !video.paused) return;
        if (s.requested) return void (s.paused = s.paused || now());
        clearTimeout(s.timer); // the browser did not allow it: nobody asked yet
        active.delete(self);
        s = null;
      },
      play() {
        ask();
        if (s.paused && !s.started) s.asked += now() - s.paused;
        s.paused = 0;
        request();
      },
      playing,
      waiting() {
        if (!s || s.state !== PLAYING || video.seeking || video.paused || video.ended) return;
        enter(STALLED);
        s.stalls++;
        s.stuck = true;
        if (now() - s.sent > 3000) again(Math.random() * 2000);
      },
      seeking() {
        if (!s || !s.started || s.state === STALLED && Math.abs(video.currentTime - s.at) < NUDGE) return;
        enter(SEEKING);
      },
      seeked() {
        if (s && s.state === SEEKING && !video.paused && video.readyState > 2) enter(PLAYING);
      },
      timeupdate() {
        if (!s) return;
        const stuck = s.state === STALLED || s.state === SEEKING;
        if (stuck && video.readyState > 2 && !video.paused && !video.seeking && video.currentTime > s.at) enter(PLAYING);
        else if (s.state === PLAYING) tick();
      },
      pause() {
        if (s && s.requested) enter(IDLE);
      },
      ended: () => end(),
      emptied() {
        if (s && s.started && !s.code) end();
      },
      error() {
        if (!s) return;
        if (s.started) enter(IDLE);
        failing('media ' + (video.error ? video.error.code : 0));
      },
    };

    const known = new WeakSet();
    const met = (player, attach) => {
      if (!player || known.has(player)) return;
      known.add(player);
      safe(attach)(player);
    };
    const use = more => {
      Object.assign(o, more);
      met(o.hls, hls => {
        hls.on('hlsFragLoaded', safe((_, d) => fragment((d.part || d.frag).stats.loaded)));
        hls.on('hlsError', safe((_, d) => d.fatal && failing(d.details + (d.response && d.response.code ? ' ' + d.response.code : ''))));
      });
      met(o.shaka, shaka => {
        total = shaka.getStats().bytesDownloaded || 0;
        shaka.addEventListener('error', safe(e => e.detail.severity === 2 && failing('shaka ' + e.detail.code)));
      });
      met(o.dash, dash => {
        dash.on('fragmentLoadingCompleted', safe(e => fragment(!e.error && e.request.bytesLoaded)));
        dash.on('error', safe(e => failing('dash ' + e.error.code)));
      });
    };
    const handle = {
      get session() { return s ? s.id : ''; },
      request: safe(request),
      fail: safe(code => {
        request();
        end(code || 'unknown');
      }),
      stop: safe(() => end()),
      p2p: safe(p => {
        if (!s) return;
        const n = v => (v > 0 && v < 1e12 ? +v : 0);
        s.down += n(p.down);
        s.up += n(p.up);
        s.cdn += p.cdn === undefined ? -n(p.down) : n(p.cdn);
        s.peers = Math.min(10000, Math.round(n(p.peers)));
      }),
    };
    const self = {
      use, handle, end,
      // hide tells what there is: a hidden tab may not come back.
      hide() {
        tick();
        if (s.requested && now() - s.sent > 500) heartbeat();
      },
    };
    use(options);
    watched.set(video, self);
    latest = handle;
    Object.keys(on).forEach(name => video.addEventListener(name, safe(on[name])));
    if (!video.paused && !video.ended) {
      if (video.readyState > 2) playing();
      else request();
    } else if (video.autoplay && video.networkState === 2) ask();
    return handle;
  };

  const away = last => {
    leaving = true;
    active.forEach(safe(viewing => (last ? viewing.end() : viewing.hide())));
    collectors.forEach(safe(c => c.leave(last)));
    leaving = false;
  };
  document.addEventListener('visibilitychange', safe(() => document.visibilityState === 'hidden' && away(false)));
  window.addEventListener('pagehide', safe(e => away(!e.persisted)));

  const defaults = {};
  window.Vigie = {
    watch: (video, options) => safe(watch)(video, options) || {session: '', request() {}, fail() {}, stop() {}, p2p() {}},
    p2p: safe(p => latest && latest.p2p(p)),
  };

  safe(() => {
    const script = document.currentScript;
    if (!script) return;
    Object.assign(defaults, script.dataset);
    defaults.to = new URL(defaults.to || '/beacon', script.src).href;
    const wanted = defaults.watch;
    delete defaults.watch;
    if (!wanted) return;
    const see = safe(v => v.matches && v.matches(wanted) && v.canPlayType && watch(v));
    // Media events do not bubble, but they can be caught on their way down, of later videos too.
    ['loadstart', 'play'].forEach(name => document.addEventListener(name, e => watched.has(e.target) || see(e.target), true));
    document.querySelectorAll(wanted).forEach(see);
  })();
})();
