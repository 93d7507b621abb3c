// A member's client: matrix-js-sdk, and so the same encryption as in Element, as a process that speaks JSON lines.
//
//   in   {"id": 1, "do": "start", ...}      a command; the first is "start", several may be under way
//   out  {"id": 1, "result": {...}}         it is done; or {"id": 1, "error": "...", "answer": {...}}
//   out  {"event": {"type": ...}}           what others did, in the order in which the server tells it
//
// Keys live as long as the process, which ends with its standard input. member.py drives it.
import { createHash, webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import * as sdk from "matrix-js-sdk";
import * as trust from "matrix-js-sdk/lib/crypto-api/index.js";
import { logger } from "matrix-js-sdk/lib/logger.js";

// The SDK expects both of the system, which has the first from node 19 on and the second from node 22 on.
globalThis.crypto ??= webcrypto;
Promise.withResolvers ??= () => {
    const made = {};
    made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
    return made;
};

const ENCRYPTION = { type: "m.room.encryption", state_key: "", content: { algorithm: "m.megolm.v1.aes-sha2" } };
const COLOURS = ["none", "grey", "red"];
const REASONS = Object.fromEntries(Object.entries(trust.EventShieldReason).map(([name, value]) => [value, name]));
const EVENTS_IN_A_SYNC = 100;

let client, keys, me;

const write = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const tell = (event) => write({ event });
const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const unpadded = (bytes) => base64(bytes).replace(/=+$/, "");

/** Wait until something holds, which only a sync can change. */
async function synced(holds) {
    while (!holds()) await new Promise((resolve) => client.once(sdk.ClientEvent.Sync, resolve));
}

// ---- what others did -------------------------------------------------------------------------------------------

/** What Element would show beside a message: a shield's colour and why, null for none or a plain message. */
async function shieldOf(event) {
    const found = event.isEncrypted() ? await keys.getEncryptionInfoForEvent(event) : null;
    if (!found || found.shieldColour === trust.EventShieldColour.NONE) return null;
    return { colour: COLOURS[found.shieldColour], reason: REASONS[found.shieldReason] ?? null };
}

async function describe(event) {
    const failed = event.isDecryptionFailure();
    return {
        type: failed ? "undecryptable" : event.getType(),
        event_id: event.getId(),
        room_id: event.getRoomId(),
        sender: event.getSender(),
        state_key: event.getStateKey() ?? null,
        content: failed ? { reason: event.decryptionFailureReason } : event.getContent(),
        // Clients take it from outside of the encryption only.
        relation: event.getWireContent()["m.relates_to"] ?? {},
        redacts: event.isRedaction() ? (event.getAssociatedId() ?? null) : null,
        encrypted: event.isEncrypted(),
        shield: failed ? null : await shieldOf(event),
    };
}

// One after the other: a message that takes longer to decrypt must not be overtaken.
let told = Promise.resolve();

function onTimeline(event, _room, toStart, _removed, data) {
    if (toStart || !data?.liveEvent || event.getSender() === me) return;
    told = told.then(async () => {
        await client.decryptEventIfNeeded(event);
        tell(await describe(event));
        if (event.isDecryptionFailure()) event.on(sdk.MatrixEventEvent.Decrypted, tellLate);
    });
}

/** Tell of a message whose key came after it. */
async function tellLate(event) {
    if (event.isDecryptionFailure()) return;
    event.off(sdk.MatrixEventEvent.Decrypted, tellLate);
    tell(await describe(event));
}

function onTyping(event, member) {
    if (member.userId === me) return;
    const content = { typing: member.typing };
    tell({ type: "m.typing", room_id: member.roomId, sender: member.userId, content });
}

/** Receipts from the server; the SDK adds some of its own to those which it announces by room. */
function onEvent(event) {
    if (event.getType() !== "m.receipt") return;
    for (const [target, kinds] of Object.entries(event.getContent()))
        for (const sender of Object.values(kinds).flatMap((users) => Object.keys(users)))
            if (sender !== me) tell({ type: "m.receipt", sender, content: { target } });
}

/** Somebody's devices or identity are not what they were. */
function onTrust() {
    tell({ type: "trust" });
}

function onMembership(room, membership) {
    tell({ type: "membership", room_id: room.roomId, content: { membership } });
}

// ---- commands --------------------------------------------------------------------------------------------------

async function start({ url, user_id, device_id, access_token, password, mode, new_identity }) {
    me = user_id;
    client = sdk.createClient({ baseUrl: url, userId: me, deviceId: device_id, accessToken: access_token, logger });
    await client.initRustCrypto({ useIndexedDB: false });
    keys = client.getCrypto();
    if (mode === "signed-only") keys.setDeviceIsolationMode(new trust.OnlySignedDevicesIsolationMode());
    client.on(sdk.RoomEvent.Timeline, onTimeline);
    client.on(sdk.ClientEvent.Event, onEvent);
    client.on(sdk.RoomEvent.MyMembership, onMembership);
    client.on(sdk.RoomMemberEvent.Typing, onTyping);
    client.on(trust.CryptoEvent.DevicesUpdated, onTrust);
    client.on(trust.CryptoEvent.UserTrustStatusChanged, onTrust);
    const filter = new sdk.Filter(me);
    filter.setTimelineLimit(EVENTS_IN_A_SYNC);
    await client.startClient({ filter, disablePresence: true });
    await synced(() => client.isInitialSyncComplete());
    if (new_identity) await signIn(password);
    return { sdk: keys.getVersion(), node: process.version };
}

/** Make this account's identity, and sign this device with it. */
async function signIn(password) {
    const identifier = { type: "m.id.user", user: me };
    await keys.bootstrapCrossSigning({
        setupNewCrossSigning: true,
        authUploadDeviceSigningKeys: (request) => request({ type: "m.login.password", identifier, password }),
    });
}

/** Open a direct chat as Element does, which sends the first message without waiting for the other to join. */
async function open({ user, encrypted }) {
    const { room_id } = await client.createRoom({
        preset: "trusted_private_chat",
        is_direct: true,
        invite: [user],
        initial_state: encrypted ? [ENCRYPTION] : [],
    });
    await synced(() => client.getRoom(room_id)?.getMember(user));
    await synced(() => !encrypted || client.getRoom(room_id).hasEncryptionStateEvent());
    return { room_id };
}

/** Make an encrypted room with a name, which is no direct chat, and invite people. */
async function gather({ name, users }) {
    const { room_id } = await client.createRoom({
        preset: "private_chat",
        name,
        invite: users,
        initial_state: [ENCRYPTION],
    });
    await synced(() => client.getRoom(room_id)?.hasEncryptionStateEvent());
    return { room_id };
}

async function send({ room, type, content, txn }) {
    return client.sendEvent(room, null, type, content, txn);
}

async function state({ room, type, content, key }) {
    return client.sendStateEvent(room, type, content, key);
}

async function redact({ room, event }) {
    return client.redactEvent(room, event);
}

/** Upload a file, encrypted where the room is, and return the part of a message's content that names it. */
async function upload({ room, name, mimetype, data }) {
    const plain = Buffer.from(data, "base64");
    const info = { mimetype, size: plain.length };
    if (!(await keys.isEncryptionEnabledInRoom(room))) {
        const { content_uri } = await client.uploadContent(plain, { type: mimetype, name });
        return { url: content_uri, info };
    }
    const { secret, file } = await encrypt(plain);
    const { content_uri } = await client.uploadContent(secret, { type: "application/octet-stream" });
    return { file: { v: "v2", url: content_uri, ...file }, info };
}

async function encrypt(plain) {
    const iv = webcrypto.getRandomValues(new Uint8Array(16)).fill(0, 8);
    const key = await webcrypto.subtle.generateKey({ name: "AES-CTR", length: 256 }, true, ["encrypt", "decrypt"]);
    const secret = Buffer.from(await webcrypto.subtle.encrypt({ name: "AES-CTR", counter: iv, length: 64 }, key, plain));
    const sha256 = unpadded(createHash("sha256").update(secret).digest());
    const file = { key: await webcrypto.subtle.exportKey("jwk", key), iv: unpadded(iv), hashes: { sha256 } };
    return { secret, file };
}

/** Return the file that a message's content names, decrypted; fails when it is not what was announced. */
async function download({ content }) {
    const url = client.mxcUrlToHttp(content.file?.url ?? content.url, null, null, null, false, true, true);
    const response = await fetch(url, { headers: { Authorization: `Bearer ${client.getAccessToken()}` } });
    if (!response.ok) throw new Error(`the server has no such file: ${response.status}`);
    const data = Buffer.from(await response.arrayBuffer());
    return { data: base64(content.file ? await decrypt(data, content.file) : data) };
}

async function decrypt(secret, { key, iv, hashes }) {
    const sha256 = unpadded(createHash("sha256").update(secret).digest());
    if (sha256 !== hashes.sha256) throw new Error("the file is not the one that was announced");
    const imported = await webcrypto.subtle.importKey("jwk", key, { name: "AES-CTR" }, false, ["decrypt"]);
    const counter = Buffer.from(iv, "base64");
    return webcrypto.subtle.decrypt({ name: "AES-CTR", counter, length: 64 }, imported, secret);
}

async function read({ room, event }) {
    await client.sendReadReceipt(client.getRoom(room).findEventById(event));
}

async function type({ room, on }) {
    await client.sendTyping(room, on, 5000);
}

/** Ask somebody to verify us, in the room; what becomes of it is told as events "verification". */
async function verify({ user, room }) {
    const request = await keys.requestVerificationDM(user, room);
    request.on(trust.VerificationRequestEvent.Change, () => {
        const content = { phase: trust.VerificationPhase[request.phase], reason: request.cancellationCode };
        tell({ type: "verification", room_id: room, sender: user, content });
    });
}

async function join({ room }) {
    await client.joinRoom(room);
    await synced(() => client.getRoom(room)?.getMyMembership() === "join");
}

async function leave({ room }) {
    await client.leave(room);
}

async function invite({ room, user }) {
    await client.invite(room, user);
}

async function remove({ room, user }) {
    await client.kick(room, user);
}

async function upgrade({ room, version }) {
    const { replacement_room } = await client.upgradeRoom(room, version);
    await synced(() => client.getRoom(replacement_room));
    return { room_id: replacement_room };
}

/** Return what is known of somebody: whether they have an identity, and which devices it has signed. */
async function devices({ user }) {
    const found = (await keys.getUserDeviceInfo([user], true)).get(user) ?? new Map();
    const has_identity = await keys.userHasCrossSigningKeys(user, true);
    const { needsUserApproval } = await keys.getUserVerificationStatus(user);
    const signed = {};
    for (const id of found.keys())
        signed[id] = (await keys.getDeviceVerificationStatus(user, id))?.signedByOwner ?? false;
    return { has_identity, identity_changed: needsUserApproval, signed };
}

/** Sign another device of ours with our identity. */
async function sign({ device_id }) {
    await keys.getUserDeviceInfo([me], true);
    await keys.crossSignDevice(device_id);
}

/** Forget the key with which we encrypt in a room: the next message comes with a new one. */
async function discard({ room }) {
    await keys.forceDiscardSession(room);
}

const COMMANDS = {
    start, open, gather, send, state, redact, upload, download, read, type, verify, join, leave, invite, remove, upgrade, devices, sign,
    discard,
};

async function carryOut({ id, do: name, ...what }) {
    try {
        write({ id, result: (await COMMANDS[name](what)) ?? {} });
    } catch (error) {
        write({ id, error: `${name}: ${error}`, answer: { status: error.httpStatus ?? 0, ...error.data } });
    }
}

// Standard output belongs to the lines, standard error to what went wrong.
for (const level of ["log", "info", "debug", "trace", "warn"]) console[level] = () => {};
for await (const line of createInterface({ input: process.stdin })) carryOut(JSON.parse(line));
process.exit();
