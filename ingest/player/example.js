// The test player. What ?src= holds is a stranger's: it fills the field, no more.
(() => {
  'use strict';
  const find = name => document.querySelector(name);
  const video = find('video');
  const field = find('#src');
  const show = (name, text) => {
    ['#address', '#failed', '#missing', '#session'].forEach(other => { find(other).hidden = other !== name; });
    if (text !== undefined) find(name + ' code').textContent = text;
  };
  if (/^fr\b/i.test(navigator.language)) document.documentElement.lang = 'fr';
  field.value = (new URLSearchParams(location.search).get('src') || '').slice(0, 2000);

  // hls.js is loaded when it is needed, from this host alone.
  const hlsScript = () => new Promise((resolve, reject) => {
    if (window.Hls) return resolve();
    const script = document.createElement('script');
    script.src = '/hls.js';
    script.onload = () => (window.Hls ? resolve() : reject());
    script.onerror = reject;
    document.head.append(script);
    return undefined;
  });

  let hls = null;
  const play = async url => {
    if (hls) hls.destroy();
    hls = null;
    const viewing = Vigie.watch(video);
    viewing.stop();
    viewing.request();
    show('#session', viewing.session);
    const playlist = /\.m3u8$/i.test(url.pathname);
    if (playlist && !video.canPlayType('application/vnd.apple.mpegurl')) {
      try {
        await hlsScript();
      } catch (e) {
        viewing.fail('no hls.js');
        show('#missing');
        return;
      }
      hls = new Hls({enableWorker: false}); // a worker of its own would need another policy
      Vigie.watch(video, {hls, player: 'hls.js ' + Hls.version});
      hls.on('hlsError', (_, data) => data.fatal && show('#failed', data.details));
      hls.loadSource(url.href);
      hls.attachMedia(video);
    } else {
      Vigie.watch(video, {player: 'native'});
      video.src = url.href;
    }
    video.play().catch(e => show('#failed', e.name));
  };

  find('form').addEventListener('submit', event => {
    event.preventDefault();
    let url = null;
    try {
      url = new URL(field.value.trim());
    } catch (e) {
      // told below
    }
    if (!url || !/^https?:$/.test(url.protocol)) return show('#address');
    return void play(url);
  });
})();
