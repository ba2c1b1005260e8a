// Opens three channels over one connection and notes in window.heard what they hear.
"use strict";
window.heard = [];
const multiplexer = new WebSocketMultiplex(new SockJS("/multiplex"));
window.channels = {};
for (const name of ["ann", "bob", "carl"]) {
  const channel = (window.channels[name] = multiplexer.channel(name));
  channel.onopen = () => heard.push(`${name} open`);
  channel.onmessage = event => heard.push(`${name}: ${event.data}`);
  channel.onclose = () => heard.push(`${name} closed`);
}
