package settings

import "vigie/ingest/fastly"

// toPlayers are the texts for players, which any viewer can read: there is no token in them.
var toPlayers = map[string][]Snippet{
	"beacon": {{
		"A page with a <video>", "the page", "html", `
<script src="{url}/vigie-beacon.js" data-watch="video" data-to="{players}" data-channel="{channel}" defer></script>
`}, {
		"hls.js, Shaka Player, dash.js", "where the player is made", "javascript", `
Vigie.watch(video, { to: '{players}', channel: '{channel}', hls });   // or shaka: player, dash: player
`}, {
		"A peer-to-peer SDK", "where its statistics come", "javascript", `
Vigie.p2p({ down: bytesFromPeers, up: bytesToPeers, peers: connected });   // since the last call
`}},
	"cmcd": {{
		"hls.js, from 1.7 on", "where the player is made", "javascript", `
const hls = new Hls({ cmcd: { version: 2, contentId: '{channel}', eventTargets: [{
  url: '{players}', events: ['ps', 'bc', 'e', 't'], interval: 10,
  includeKeys: ['sid', 'cid', 'e', 'ts', 'sn', 'v', 'sta', 'msd', 'bsd', 'br', 'pb', 'ec', 'h', 'cdn'],
}] } });
`}, {
		"Shaka Player, from 5.2 on", "where the player is made", "javascript", `
player.configure({ cmcd: { enabled: true, version: 2, contentId: '{channel}', eventTargets: [{
  url: '{players}', events: ['ps', 'bc', 'e', 't'], interval: 10,
  includeKeys: ['sid', 'cid', 'e', 'ts', 'sn', 'v', 'sta', 'msd', 'bsd', 'br', 'pb', 'ec', 'h', 'cdn'],
}] } });
`}, {
		"dash.js: with its media requests, in the CDN's log", "where the player is made", "javascript", `
player.updateSettings({ streaming: { cmcd: { enabled: true, version: 2, cid: '{channel}', mode: 'query' } } });
`}},
	"npaw": {{
		"NPAW's plugin", "its options", "javascript", `
const options = { host: '{players}' };   // in place of NPAW's own, or a copy by a proxy
`}},
	"bitmovin": {{
		"Bitmovin Analytics' collector", "its configuration", "javascript", `
const analytics = { config: { backendUrl: '{players}' } };   // in place of Bitmovin's own, or a copy by a proxy
`}},
	"mux": {{
		"Mux Data", "", "text", `
What players send to Mux itself is not public. Use a source with a token, and Mux's export.
`}},
}

const fastlyFormat = fastly.Format
