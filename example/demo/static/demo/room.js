/* One channel with history and presence, by centrifuge-js: what was said before, what is said now, who is here.

The library comes back by itself and says where it stood; the daemon sends what it has missed.  So nothing of that stands
here, only what a page has to decide: to read the history when it comes, and again when too much is missing. */

const HISTORY = 100; // publications that are shown when a window comes in
const ASK_AGAIN = 30_000; // milliseconds; nobody tells that a daemon was killed, with all who were connected to it
const UNAUTHORIZED = 1; // centrifuge-js's own code: the page has no token any more
const FINAL = 3500; // close codes from here on are for good

const nameOf = client => String(client.connInfo?.name ?? "somebody");

export class Room {
  #channel; #me; #getToken; #hear;
  #centrifuge = null; #subscription = null; #timer = 0; #away = false;
  #place = null; // where the subscription stands: epoch and offset
  #shown = { epoch: "", offset: 0 }; // the last publication that was handed on
  #held = null; // publications that came while the history is read
  #people = new Map(); // user → name

  /* `me` has `user` and `name`; `getToken` is centrifuge-js's.  `hear` has what the page wants to know:
     `state(name, text)`; `back(how)`, how being "first", "complete", "nothing missed", "too much missed" or "begun anew";
     `said(data)`; `read(known, how)`, when the history is shown, or is not known; `came(name)`, `left(name)`, `people(map)`;
     `ended(reason)`, when it does not come back by itself. */
  constructor(channel, me, getToken, hear) {
    this.#channel = channel;
    this.#me = me;
    this.#getToken = getToken;
    this.#hear = hear;
  }

  /* Begins; or goes on over another transport, from the place where it stands.  `transport` is one of centrifuge-js's,
     and for sockjs one of sockjs-client's may follow, after a blank. */
  open(transport) {
    this.#drop();
    const [kind, inner] = transport.split(" "), own = location.origin;
    const endpoint = `${kind === "websocket" ? own.replace(/^http/, "ws") : own}/connection/${kind}`;
    const centrifuge = this.#centrifuge = new Centrifuge([{ transport: kind, endpoint }], {
      getToken: this.#getToken, emulationEndpoint: `${own}/emulation`,
      sockjs: window.SockJS, sockjsOptions: inner ? { transports: [inner] } : {},
    });
    const mine = handle => context => { if (centrifuge === this.#centrifuge) handle(context); };
    centrifuge.on("connecting", mine(({ code }) => this.#hear.state("wait", code ? "No connection, trying again…" : "Connecting…")));
    centrifuge.on("connected", mine(() => this.#hear.state("open", `Connected by ${inner ?? kind}`)));
    centrifuge.on("disconnected", mine(context => this.#disconnected(context)));
    this.#subscribe(centrifuge, mine);
    if (this.#away) this.#hear.state("off", "Away");
    else centrifuge.connect();
  }

  get away() { return this.#away; }

  set away(away) {
    this.#away = away;
    if (away) this.#centrifuge.disconnect();
    else this.#centrifuge.connect();
  }

  close() {
    this.#subscription?.unsubscribe(); // so that others are told at once
    this.#drop();
  }

  #drop() {
    clearInterval(this.#timer);
    const centrifuge = this.#centrifuge;
    this.#centrifuge = this.#subscription = null;
    centrifuge?.disconnect();
  }

  #disconnected({ code, reason }) {
    if (code === UNAUTHORIZED || code >= FINAL) this.#hear.ended(reason);
    else this.#hear.state("off", "Away");
  }

  #subscribe(centrifuge, mine) {
    const since = this.#place ? { since: this.#place } : {};
    const subscription = this.#subscription = centrifuge.newSubscription(this.#channel, since);
    subscription.on("subscribed", mine(context => this.#subscribed(context)));
    subscription.on("publication", mine(publication => this.#came(publication)));
    subscription.on("join", mine(({ info }) => this.#joined(info)));
    subscription.on("leave", mine(({ info }) => this.#left(info)));
    subscription.on("unsubscribed", mine(({ code, reason }) => { if (code) this.#hear.ended(reason); }));
    subscription.subscribe();
    this.#timer = setInterval(() => this.#askPeople(), ASK_AGAIN);
  }

  async #subscribed({ streamPosition, recovered, hasRecoveredPublications }) {
    const before = this.#place, unread = this.#held !== null; // it was cut while it read
    this.#place = { epoch: streamPosition.epoch, offset: streamPosition.offset };
    this.#askPeople();
    let how = hasRecoveredPublications ? "complete" : "nothing missed";
    if (!before) how = "first";
    else if (!recovered) how = before.epoch === streamPosition.epoch ? "too much missed" : "begun anew";
    this.#hear.back(how);
    if (!before || !recovered || unread) await this.#read(how);
  }

  async #read(how) {
    const subscription = this.#subscription;
    this.#held ??= [];
    const found = await subscription.history({ limit: HISTORY, reverse: true }).catch(() => null);
    if (subscription !== this.#subscription || subscription.state !== "subscribed") return; // it will be read when it is back
    if (this.#shown.epoch !== this.#place.epoch) this.#shown = { epoch: this.#place.epoch, offset: 0 };
    const held = this.#held ?? [];
    this.#held = null;
    for (const publication of [...(found?.publications ?? []).reverse(), ...held]) this.#show(publication);
    this.#hear.read(found !== null, how);
  }

  #came(publication) {
    if (publication.offset) this.#place.offset = Math.max(this.#place.offset, publication.offset);
    if (this.#held) this.#held.push(publication);
    else this.#show(publication);
  }

  #show({ data, offset }) {
    if (offset && offset <= this.#shown.offset) return; // the history had it
    if (offset) this.#shown.offset = offset;
    this.#hear.said(data);
  }

  // Who is here.

  async #askPeople() {
    const subscription = this.#subscription;
    if (subscription?.state !== "subscribed") return;
    const found = await subscription.presence().catch(() => null);
    if (!found || subscription !== this.#subscription) return;
    this.#people = new Map(Object.values(found.clients).map(client => [client.user, nameOf(client)]));
    this.#tellPeople();
  }

  #joined(client) {
    if (client.user !== this.#me.user && !this.#people.has(client.user)) this.#hear.came(nameOf(client));
    this.#people.set(client.user, nameOf(client));
    this.#tellPeople();
  }

  #left(client) {
    if (client.user === this.#me.user) return; // as it was before this window came back
    this.#people.delete(client.user);
    this.#hear.left(nameOf(client));
    this.#tellPeople();
  }

  #tellPeople() {
    this.#people.set(this.#me.user, this.#me.name);
    this.#hear.people(this.#people);
  }
}
