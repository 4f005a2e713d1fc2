// Made by `cargo run -p relais-web --bin relais-web-types`: what crosses between page and core.

export type AlertKind = "allergy" | "risk" | "other";
export type Approval = { 
/**
 * Id of the coordinator.
 */
person: string, 
/**
 * Whether this device knows that they agree.
 */
agreed: boolean, };
export type AreaChange = { 
/**
 * In mm²; negative when it has become smaller.
 */
mm2: number, 
/**
 * In per cent of the earlier area; nothing when that was zero.
 */
percent: number | null, };
export type AreaSource = "computed" | "traced";
export type ArrivingStretch = { 
/**
 * Id of who shares it.
 */
from: string | null, 
/**
 * Its first entry.
 */
firstSeq: number, 
/**
 * Its last entry.
 */
lastSeq: number, 
/**
 * Why nothing of it is shown, if it did not hold; in English, for a developer.
 */
refused: string | null, };
export type Assessment = { 
/**
 * Id of the event of the photo that the numbers were taken from.
 */
photo: string | null, 
/**
 * Length in mm, at most 1,000, as all of them.
 */
lengthMm: number | null, 
/**
 * Width in mm.
 */
widthMm: number | null, 
/**
 * Depth in mm.
 */
depthMm: number | null, 
/**
 * Area in mm². When it is not given it is the length by the width, if both are.
 */
areaMm2: number | null, 
/**
 * How the area was found; given with it.
 */
areaSource: AreaSource | null, 
/**
 * Tissue of the bed.
 */
tissue: TissueShares | null, 
/**
 * How much it exudes.
 */
exudate: Exudate | null, 
/**
 * What it exudes, if it does.
 */
exudateType: ExudateType | null, 
/**
 * What its edge is like; each once.
 */
edges: Array<WoundEdge>, 
/**
 * What the skin around it is like; each once.
 */
periwound: Array<PeriwoundSkin>, 
/**
 * Undermining in mm.
 */
underminingMm: number | null, 
/**
 * Tunnelling in mm.
 */
tunnellingMm: number | null, 
/**
 * How it smells.
 */
odour: Odour | null, 
/**
 * Pain, 0 to 10.
 */
pain: number | null, 
/**
 * Signs of infection; each once.
 */
infectionSigns: Array<InfectionSign>, 
/**
 * The dressing that was put on; may be empty.
 */
dressing: string, 
/**
 * How it goes.
 */
trend: Trend | null, };
export type Basis = "careTeam" | "patientDesignated" | "consent";
export type BodyPlace = { 
/**
 * Which side of the map.
 */
view: BodyView, 
/**
 * Per mille of its width.
 */
x: number, 
/**
 * Per mille of its height.
 */
y: number, };
export type BodySite = { 
/**
 * Concept id of SNOMED CT; empty when none was chosen.
 */
code: string, 
/**
 * In words.
 */
words: string, 
/**
 * Which side.
 */
laterality: Laterality | null, };
export type BodyView = "front" | "back";
export type Bytes = Uint8Array;
export type CalendarDate = { 
/**
 * Year, four digits.
 */
year: number, 
/**
 * Month, 1 to 12; 0 when it is not known.
 */
month: number, 
/**
 * Day, 1 to 31; 0 when it is not known.
 */
day: number, };
export type Card = { 
/**
 * Family name.
 */
familyName: string, 
/**
 * Given name.
 */
givenName: string, 
/**
 * Code of the profession in TRE_G15; 0 for a lay person.
 */
profession: number, 
/**
 * RPPS number, 11 digits; empty for a lay person.
 */
rpps: string, };
export type CareTask = { 
/**
 * Its id.
 */
task: string, 
/**
 * In a line.
 */
title: string, 
/**
 * The rest; may be empty.
 */
detail: string, 
/**
 * Id of who asked.
 */
requester: string, 
/**
 * Id of who is to do it, if somebody was named.
 */
owner: string | null, 
/**
 * How urgent.
 */
priority: Priority | null, 
/**
 * By when, milliseconds since the Unix epoch.
 */
dueMs: number | null, 
/**
 * Where it stands.
 */
status: TaskStatus, 
/**
 * Id of the event that it is about.
 */
about: string | null, 
/**
 * When it was created, milliseconds since the Unix epoch.
 */
createdMs: number, 
/**
 * Id of who changed it last.
 */
actor: string | null, 
/**
 * When, milliseconds since the Unix epoch: server time, the device's until it is sent.
 */
changedMs: number, 
/**
 * Why it was declined; else empty.
 */
reason: string, 
/**
 * Whether its last change has not been settled yet.
 */
pending: boolean, };
export type Cockpit = { 
/**
 * Urgent, and nobody has taken it; one's own messages too.
 */
urgent: Array<ToDoRow>, 
/**
 * Tasks that are late, by due date.
 */
overdue: Array<PlacedTask>, 
/**
 * Threads in which nothing was said for seven days, the longest silent first.
 */
silent: Array<SilentThread>, 
/**
 * Memberships that end within fourteen days, the first to end first.
 */
ending: Array<EndingMember>, 
/**
 * Ids of members of these threads who have no device that may read.
 */
withoutDevice: Array<string>, };
export type ConnectionPhase = "offline" | "authenticating" | "ready";
export type Contact = { 
/**
 * Name.
 */
name: string, 
/**
 * Relation to the patient, in words.
 */
relation: string, 
/**
 * Telephone number.
 */
phone: string, };
export type Content = { "type": "threadOpened", 
/**
 * Its title.
 */
title: string, } | { "type": "header", 
/**
 * The whole header.
 */
header: PatientHeader, } | { "type": "membershipNote", 
/**
 * Id of the person.
 */
person: string | null, 
/**
 * Their role in words.
 */
roleText: string, 
/**
 * The basis.
 */
basis: Basis | null, 
/**
 * Day of the consent, when that is the basis.
 */
consentDate: CalendarDate | null, 
/**
 * End of the membership, milliseconds since the Unix epoch.
 */
untilMs: number | null, 
/**
 * What of the past they were promised.
 */
history: HistoryKind | null, 
/**
 * With `Since`: milliseconds since the Unix epoch.
 */
historySinceMs: number | null, } | { "type": "message", 
/**
 * What was written.
 */
text: string, 
/**
 * How urgent.
 */
priority: Priority | null, 
/**
 * Id of the event that it answers.
 */
replyTo: string | null, } | { "type": "photo", 
/**
 * Id of the original, for `Relais.photo`.
 */
photo: string | null, 
/**
 * A small JPEG, long side at most 320 pixels: shown while the original comes.
 */
thumbnail: Uint8Array, 
/**
 * Width of the original in pixels.
 */
width: number, 
/**
 * Height of the original in pixels.
 */
height: number, 
/**
 * What it shows, in words; may be empty.
 */
caption: string, 
/**
 * Where on the body, in words; may be empty.
 */
bodySite: string, 
/**
 * Which side.
 */
laterality: Laterality | null, 
/**
 * Id of the wound whose series it belongs to.
 */
wound: string | null, } | { "type": "taskCreated", 
/**
 * Its id.
 */
task: string | null, 
/**
 * What is to be done, in a line.
 */
title: string, 
/**
 * The rest; may be empty.
 */
detail: string, 
/**
 * Id of who is to do it; nothing when anyone may take it.
 */
owner: string | null, 
/**
 * How urgent.
 */
priority: Priority | null, 
/**
 * By when, milliseconds since the Unix epoch.
 */
dueMs: number | null, 
/**
 * Id of the event that it is about.
 */
about: string | null, } | { "type": "taskChanged", 
/**
 * Its id.
 */
task: string | null, 
/**
 * What became of it.
 */
change: TaskChange | null, 
/**
 * Why it was declined; else empty.
 */
reason: string, } | { "type": "handover", 
/**
 * The note.
 */
note: HandoverNote, } | { "type": "handoverAcknowledged", 
/**
 * Id of the note's event.
 */
handover: string | null, 
/**
 * The receiver's own words; may be empty.
 */
synthesis: string, } | { "type": "woundOpened", 
/**
 * Its id.
 */
wound: string | null, 
/**
 * What caused it.
 */
origin: WoundOrigin | null, 
/**
 * Where on the body.
 */
site: BodySite | null, } | { "type": "woundAssessed", 
/**
 * Its id.
 */
wound: string | null, 
/**
 * What was found.
 */
found: Assessment, 
/**
 * Where length, width, exudate and tissue are given.
 */
push: PushScore | null, } | { "type": "woundChanged", 
/**
 * Its id.
 */
wound: string | null, 
/**
 * What became of it.
 */
change: WoundChange | null, 
/**
 * Why it was closed without being healed; else empty.
 */
reason: string, } | { "type": "historyShared", 
/**
 * Id of the person.
 */
person: string | null, 
/**
 * How much.
 */
kind: HistoryKind | null, 
/**
 * With `Since`: milliseconds since the Unix epoch.
 */
sinceMs: number | null, 
/**
 * First entry of the log.
 */
firstSeq: number, 
/**
 * Last entry of the log.
 */
lastSeq: number, 
/**
 * Events that it holds.
 */
events: number, } | { "type": "unsupported" };
export type Device = { 
/**
 * Its id.
 */
device: string, 
/**
 * Whether it was revoked.
 */
revoked: boolean, };
export type DeviceLink = { 
/**
 * To be shown as QR code; a secret until it is used.
 */
link: string, 
/**
 * Server time, milliseconds since the Unix epoch.
 */
expiresAtMs: number, };
export type EndingMember = { 
/**
 * Id of the thread.
 */
thread: string, 
/**
 * Title of the thread.
 */
title: string, 
/**
 * Of whom it is, once somebody wrote it.
 */
patient: PatientBrief | null, 
/**
 * Id of the member.
 */
person: string, 
/**
 * Their name, as far as it is known here.
 */
name: string, 
/**
 * When it ends, milliseconds since the Unix epoch.
 */
untilMs: number, };
export type Enrolment = { "type": "none" } | { "type": "joining" } | { "type": "comparing" } | { "type": "enrolled" } | { "type": "refused", 
/**
 * Number of the reason, as in the protocol.
 */
reason: number, } | { "type": "lapsed" };
export type Exudate = "none" | "low" | "moderate" | "high";
export type ExudateType = "serous" | "serosanguineous" | "sanguineous" | "purulent";
export type FailedAct = { 
/**
 * For `Relais.retry` and `Relais.discard`.
 */
number: number, 
/**
 * Id of its thread; nothing for invitations and keys.
 */
thread: string | null, 
/**
 * `event`, `create`, `members`, `renew`, `statements`, `key_packages` or `sealed`.
 */
act: string, 
/**
 * What it says, when it is an event.
 */
content: Content | null, 
/**
 * Why it failed, in English, for a developer.
 */
reason: string, 
/**
 * When the person did it, by this device's clock, milliseconds since the Unix epoch.
 */
createdMs: number, };
export type Handover = { 
/**
 * Id of the note's event.
 */
event: string, 
/**
 * Id of who hands over.
 */
author: string, 
/**
 * Milliseconds since the Unix epoch: server time, the device's until it is sent.
 */
timeMs: number, 
/**
 * The note.
 */
note: HandoverNote, 
/**
 * Those whose acknowledgement completes it.
 */
receivers: Array<HandoverReceiver>, 
/**
 * Whether everybody has acknowledged it.
 */
complete: boolean, };
export type HandoverNote = { 
/**
 * Situation.
 */
situation: string, 
/**
 * Antécédents: what led to it.
 */
background: string, 
/**
 * Évaluation: what the author finds.
 */
assessment: string, 
/**
 * Demande: what the author asks for.
 */
request: string, 
/**
 * What kind of request it is.
 */
requestKind: RequestKind | null, 
/**
 * By when, milliseconds since the Unix epoch.
 */
deadlineMs: number | null, 
/**
 * Ids of those whose acknowledgement completes it.
 */
receivers: Array<string>, };
export type HandoverReceiver = { 
/**
 * Id of the person.
 */
person: string, 
/**
 * Server time of the acknowledgement, milliseconds since the Unix epoch.
 */
acknowledgedMs: number | null, 
/**
 * The receiver's own words; may be empty.
 */
synthesis: string, };
export type HeaderVersion = { 
/**
 * Id of who wrote this version.
 */
author: string, 
/**
 * Server time of this version, milliseconds since the Unix epoch.
 */
timeMs: number, 
/**
 * The header.
 */
header: PatientHeader, };
export type HistoryKind = "none" | "since" | "summary" | "all" | "requested";
export type IdentityStatus = "provisional" | "retrieved" | "validated" | "qualified";
export type InfectionSign = "increasingPain" | "erythema" | "warmth" | "swelling" | "purulentExudate" | "malodour" | "delayedHealing" | "friableGranulation" | "fever";
export type Ins = { 
/**
 * Matricule, 15 characters.
 */
matricule: string, 
/**
 * OID of the authority that gave it.
 */
oid: string, };
export type Invitation = { 
/**
 * Id of the person whom it makes.
 */
person: string, 
/**
 * To be shown as QR code or handed over; a secret until it is used.
 */
link: string, 
/**
 * Milliseconds since the Unix epoch.
 */
expiresAtMs: number, 
/**
 * Whether it was used.
 */
used: boolean, 
/**
 * Whether it was withdrawn.
 */
withdrawn: boolean, 
/**
 * The server does not have it yet, and the link does not work.
 */
pending: boolean, 
/**
 * Whom it names; nothing for somebody invited again.
 */
card: Card | null, };
export type ItemBody = { "type": "event", 
/**
 * Its id.
 */
event: string, 
/**
 * What it says.
 */
content: Content, } | { "type": "notice", 
/**
 * `created`, `added`, `removed`, `role`, `device_added`, `device_removed`, `joined`,
 * `rejoined`, `rebooted`, `quarantined`, `restored`, `omitted` or `missing`.
 */
kind: string, 
/**
 * Id of the person whom it concerns.
 */
person: string, 
/**
 * Role, device or reason, in English.
 */
detail: string, } | { "type": "circleChange", 
/**
 * Ids of people who are being added.
 */
added: Array<string>, 
/**
 * Ids of people who are being removed.
 */
removed: Array<string>, };
export type ItemState = { "type": "waiting" } | { "type": "inFlight" } | { "type": "sent", 
/**
 * Members who have it on a device.
 */
to: number, 
/**
 * Members beside the author.
 */
of: number, } | { "type": "lost" } | { "type": "failed", 
/**
 * For `Relais.retry` and `Relais.discard`.
 */
number: number, 
/**
 * Why, in English, for a developer.
 */
reason: string, };
export type Laterality = "left" | "right" | "midline";
export type Member = { 
/**
 * Id of the person.
 */
person: string, 
/**
 * Their name, as far as it is known here.
 */
name: string, 
/**
 * What they may do.
 */
role: MemberRole | null, 
/**
 * End of the membership, milliseconds since the Unix epoch.
 */
expiresAtMs: number | null, 
/**
 * Why they are in the circle: always a `MembershipNote`.
 */
note: Content | null, 
/**
 * Whether a coordinator has confirmed their enrolment.
 */
confirmed: boolean, 
/**
 * Whether their keys were compared on this device.
 */
verification: Verification, 
/**
 * Last entry of the log that they have read.
 */
readSeq: number, 
/**
 * Whether what is written reaches them.
 */
reachability: Reachability, };
export type MemberRole = "manager" | "contributor" | "reader";
export type MissingStretch = { 
/**
 * Last entry before it.
 */
afterSeq: number, 
/**
 * Its last entry.
 */
untilSeq: number, 
/**
 * Id of the colleague who was asked last.
 */
asked: string | null, 
/**
 * Whether everybody was asked and nobody has it.
 */
givenUp: boolean, };
export type NewMember = { 
/**
 * Id of the person.
 */
person: string, 
/**
 * What they may do.
 */
role: MemberRole, 
/**
 * End of the membership, milliseconds since the Unix epoch.
 */
expiresAtMs: number | null, 
/**
 * Their role in the circle in words; empty for the name of their profession.
 */
roleText: string, 
/**
 * On what basis they are in the circle.
 */
basis: Basis, 
/**
 * Day of the consent, when that is the basis.
 */
consentDate: CalendarDate | null, 
/**
 * What of the past is shared with them.
 */
past: PastShared, };
export type NewTask = { 
/**
 * What is to be done, in a line.
 */
title: string, 
/**
 * The rest; may be empty.
 */
detail: string, 
/**
 * Id of the member who is to do it; nothing when anyone may take it.
 */
owner: string | null, 
/**
 * How urgent.
 */
priority: Priority, 
/**
 * By when, milliseconds since the Unix epoch.
 */
dueMs: number | null, 
/**
 * Id of the event that it is about.
 */
about: string | null, };
export type NewThread = { 
/**
 * Its title; never leaves the devices unencrypted.
 */
title: string, 
/**
 * The patient, if known already.
 */
header: PatientHeader | null, 
/**
 * The circle beside the person who opens it.
 */
members: Array<NewMember>, };
export type NewWound = { 
/**
 * What caused it.
 */
origin: WoundOrigin, 
/**
 * Since when; month and day may be 0.
 */
onset: CalendarDate | null, 
/**
 * Where on the body.
 */
site: BodySite, 
/**
 * Where it is drawn on the body map.
 */
place: BodyPlace | null, };
export type Odour = "none" | "slight" | "strong";
export type PastShared = { "type": "nothing" } | { "type": "since", 
/**
 * Milliseconds since the Unix epoch, by the server's clock.
 */
sinceMs: number, } | { "type": "summary" } | { "type": "everything" };
export type PatientAlert = { 
/**
 * In words.
 */
label: string, 
/**
 * What it is about.
 */
kind: AlertKind | null, };
export type PatientBrief = { 
/**
 * The name that they use; may be empty.
 */
usedName: string, 
/**
 * Name at birth.
 */
birthName: string, 
/**
 * Given names at birth.
 */
birthGivenNames: Array<string>, 
/**
 * Date of birth, as far as it is known.
 */
birthDate: CalendarDate | null, 
/**
 * How far the identity is established.
 */
identityStatus: IdentityStatus | null, };
export type PatientHeader = { 
/**
 * Family name at birth.
 */
birthName: string, 
/**
 * Given names at birth, in their order.
 */
birthGivenNames: Array<string>, 
/**
 * Name in use; empty when it is the one at birth.
 */
usedName: string, 
/**
 * Day of birth.
 */
birthDate: CalendarDate | null, 
/**
 * Administrative sex.
 */
sex: Sex | null, 
/**
 * INSEE code of the place of birth, five characters; empty when not known.
 */
birthPlace: string, 
/**
 * Telephone number; empty when not known.
 */
phone: string, 
/**
 * How far the identity is proved.
 */
identityStatus: IdentityStatus | null, 
/**
 * National health identity: only with a qualified or retrieved identity.
 */
ins: Ins | null, 
/**
 * What everybody must know.
 */
alerts: Array<PatientAlert>, 
/**
 * Who is to be called.
 */
contacts: Array<Contact>, 
/**
 * What the care is meant to reach, in words.
 */
careAims: Array<string>, };
export type PeriwoundSkin = "intact" | "erythema" | "maceration" | "dry" | "eczema" | "oedema" | "induration" | "excoriation";
export type Person = { 
/**
 * Their id.
 */
person: string, 
/**
 * Name and profession, once this device can read them.
 */
card: Card | null, 
/**
 * What they are in the practice.
 */
standing: PersonStanding, 
/**
 * Whether a coordinator has confirmed the enrolment.
 */
confirmed: boolean, 
/**
 * Whether their keys were compared on this device.
 */
verification: Verification, 
/**
 * Their devices.
 */
devices: Array<Device>, };
export type PersonStanding = "coordinator" | "professional" | "lay";
export type PhotoProgress = { 
/**
 * Where it is.
 */
state: PhotoState, 
/**
 * Bytes that were sent or fetched, encrypted.
 */
done: number, 
/**
 * Bytes in all, encrypted.
 */
total: number, };
export type PhotoState = "sending" | "here" | "fetching" | "failed";
export type PlacedTask = { 
/**
 * Id of the thread.
 */
thread: string, 
/**
 * Title of the thread.
 */
title: string, 
/**
 * Of whom it is, once somebody wrote it.
 */
patient: PatientBrief | null, 
/**
 * The task.
 */
task: CareTask, };
export type Priority = "information" | "normal" | "urgent";
export type ProposalState = "open" | "done" | "overtaken" | "coordinatorsChanged" | "lapsed";
export type ProposedRoot = { 
/**
 * Id of the proposal.
 */
proposal: string, 
/**
 * The recovery kit: a secret, for paper.
 */
kit: string, };
export type PushScore = { 
/**
 * Length by width, 0 to 10.
 */
surface: number, 
/**
 * Amount of exudate, 0 to 3.
 */
exudate: number, 
/**
 * The worst tissue that is there, 0 to 4.
 */
tissue: number, 
/**
 * Together, 0 to 17.
 */
total: number, };
export type Reachability = { "type": "upToDate" } | { "type": "behind", 
/**
 * The last entry of the log that one of them has.
 */
seq: number, 
/**
 * Server time of the first item that none of them has, milliseconds since the Unix
 * epoch.
 */
sinceMs: number, } | { "type": "noDevice" };
export type Recovery = { 
/**
 * When the newest was made here, milliseconds since the Unix epoch.
 */
madeMs: number | null, 
/**
 * When one was last proved to open here, milliseconds since the Unix epoch.
 */
confirmedMs: number | null, };
export type RecoveryStatus = { 
/**
 * The root key is in this device's database.
 */
held: boolean, 
/**
 * The recovery kit, if this device knows of one.
 */
kit: Recovery | null, 
/**
 * The recovery shares, if this device knows of any.
 */
shares: Recovery | null, 
/**
 * Losing this device would lose the root key: the person makes a kit and tries it.
 */
needsKit: boolean, };
export type RelaisError = { "type": "retry", 
/**
 * Stable code of the reason.
 */
code: string, 
/**
 * Key of the text to show.
 */
key: string, } | { "type": "rejected", 
/**
 * Stable code of the reason.
 */
code: string, 
/**
 * Key of the text to show.
 */
key: string, 
/**
 * The field that is wrong, as in the call or its record.
 */
field: string | null, } | { "type": "reEnrol", 
/**
 * Stable code of the reason.
 */
code: string, 
/**
 * Key of the text to show.
 */
key: string, } | { "type": "updateNeeded", 
/**
 * Stable code of the reason.
 */
code: string, 
/**
 * Key of the text to show.
 */
key: string, } | { "type": "fatal", 
/**
 * Stable code of the reason.
 */
code: string, 
/**
 * Key of the text to show.
 */
key: string, };
export type RelaisEvent = { "type": "enrolled" } | { "type": "enrolmentRefused" } | { "type": "returned" } | { "type": "wiped" } | { "type": "compareCode" } | { "type": "peopleChanged" } | { "type": "invitationUsed", 
/**
 * Id of the person whom it made.
 */
person: string, } | { "type": "verificationLost", 
/**
 * Id of that person.
 */
person: string, } | { "type": "rootProposed", 
/**
 * Id of the coordinator.
 */
person: string, } | { "type": "threadsChanged" } | { "type": "threadChanged", 
/**
 * Id of the thread.
 */
thread: string, } | { "type": "photoChanged", 
/**
 * Id of the photo's original.
 */
photo: string, } | { "type": "syncChanged" } | { "type": "serverRestored" } | { "type": "troubleBegan", 
/**
 * What it is.
 */
trouble: Trouble, } | { "type": "missed" };
export type RequestKind = "advice" | "prescription" | "visit" | "information";
export type RootAccess = { "type": "held" } | { "type": "kit", 
/**
 * As printed or scanned.
 */
text: string, 
/**
 * What the kit was made with.
 */
passphrase: string, } | { "type": "shares", 
/**
 * As printed or scanned.
 */
texts: Array<string>, };
export type RootProposal = { 
/**
 * Its id, for `Relais.approve_root_replacement`.
 */
proposal: string, 
/**
 * Id of who proposes it.
 */
proposer: string, 
/**
 * Their name, as far as it is known here.
 */
proposerName: string, 
/**
 * 60 digits of the new root; the proposer reads out the same.
 */
code: string, 
/**
 * Server time, milliseconds since the Unix epoch.
 */
expiresAtMs: number, 
/**
 * Who is to agree.
 */
approvals: Array<Approval>, 
/**
 * What became of it.
 */
state: ProposalState, };
export type SafetyCheck = "match" | "mismatch" | "otherPeople" | "otherVersion";
export type SafetyCode = { 
/**
 * 60 digits in 12 groups, to be read out.
 */
digits: string, 
/**
 * The bytes of a QR code, in byte mode.
 */
payload: Uint8Array, };
export type SearchHit = { 
/**
 * Id of the thread.
 */
thread: string, 
/**
 * Title of the thread.
 */
title: string, 
/**
 * Of whom it is, once somebody wrote it.
 */
patient: PatientBrief | null, 
/**
 * Id of the event, for `Relais.timeline_around`.
 */
event: string, 
/**
 * Its place in the log.
 */
seq: number, 
/**
 * `thread_opened`, `patient_header`, `message`, `photo`, `task_created`, `task_changed`,
 * `handover_note`, `handover_acknowledged`, `wound_opened`, `wound_assessed` or
 * `wound_changed`.
 */
kind: string, 
/**
 * Id of who wrote it.
 */
author: string, 
/**
 * Their name, as far as it is known here.
 */
authorName: string, 
/**
 * Server time, milliseconds since the Unix epoch.
 */
timeMs: number, 
/**
 * Some of its words, with what matched.
 */
snippet: Array<SnippetPart>, };
export type SearchPage = { 
/**
 * The results.
 */
hits: Array<SearchHit>, 
/**
 * For `Relais.search`: where the next page begins; nothing when these were all.
 */
after: string | null, };
export type Sex = "female" | "male" | "unknown";
export type SharedStretch = { 
/**
 * Id of the person.
 */
with: string, 
/**
 * Why it cannot go on; in English, for a developer.
 */
failed: string | null, };
export type SilentThread = { 
/**
 * Id of the thread.
 */
thread: string, 
/**
 * Title of the thread.
 */
title: string, 
/**
 * Of whom it is, once somebody wrote it.
 */
patient: PatientBrief | null, 
/**
 * Server time of the last event, milliseconds since the Unix epoch.
 */
lastMs: number, };
export type SnippetPart = { 
/**
 * The text.
 */
text: string, 
/**
 * Whether it is what was searched for.
 */
matched: boolean, };
export type SyncState = { 
/**
 * Where the connection stands.
 */
phase: ConnectionPhase, 
/**
 * Whether all logs were read to the end that they had at connection.
 */
caughtUp: boolean, 
/**
 * Acts of this person that are not in a log yet.
 */
waiting: number, 
/**
 * Acts that failed and need the person.
 */
failed: number, 
/**
 * Photos and stretches of the past that are not completely sent or fetched.
 */
transfers: number, };
export type TaskChange = "taken" | "done" | "declined";
export type TaskStatus = "open" | "taken" | "done" | "declined";
export type ThreadPast = { 
/**
 * What this device misses.
 */
missing: Array<MissingStretch>, 
/**
 * What is on its way here.
 */
arriving: Array<ArrivingStretch>, 
/**
 * What is on its way to others.
 */
sharing: Array<SharedStretch>, };
export type ThreadState = { "type": "creating" } | { "type": "joined" } | { "type": "ended" } | { "type": "rejoining", 
/**
 * Why, in English, for a developer.
 */
reason: string, } | { "type": "removed" } | { "type": "stopped", 
/**
 * Why, in English, for a developer.
 */
reason: string, };
export type ThreadSummary = { 
/**
 * Its id, by which calls name it.
 */
thread: string, 
/**
 * Its title.
 */
title: string, 
/**
 * Whether it can be used.
 */
state: ThreadState, 
/**
 * Last entry of the log that this device read.
 */
seq: number, 
/**
 * Where this device's knowledge of the log begins.
 */
joinedSeq: number, 
/**
 * Entries of others after the person's read marker.
 */
unread: number, 
/**
 * Tasks that are open or taken.
 */
openTasks: number, 
/**
 * Server time of the last event, milliseconds since the Unix epoch.
 */
lastMs: number, };
export type TimelineAt = { "type": "firstUnread" } | { "type": "event", 
/**
 * Its id.
 */
event: string, } | { "type": "after", 
/**
 * Its place in the log.
 */
seq: number, };
export type TimelineItem = { 
/**
 * Place in the log; nothing while it is not settled.
 */
seq: number | null, 
/**
 * Server time, milliseconds since the Unix epoch; the device's while it is not settled.
 */
timeMs: number, 
/**
 * Id of who acted.
 */
author: string, 
/**
 * Their name, as far as it is known here.
 */
authorName: string, 
/**
 * Its true state.
 */
state: ItemState, 
/**
 * What it says.
 */
body: ItemBody, };
export type TimelinePage = { 
/**
 * The items. Those that are not settled come last, on the last page only.
 */
items: Array<TimelineItem>, 
/**
 * Where the next older page ends, for `Relais.timeline_before`; nothing when this is the
 * oldest.
 */
beforeSeq: number | null, };
export type TimelineWindow = { 
/**
 * The items. Those that are not settled come last, when these reach the end.
 */
items: Array<TimelineItem>, 
/**
 * The entry that was asked for: the event's, or the first unread one.
 */
atSeq: number | null, 
/**
 * For `Relais.timeline_before`: where the next older page ends; nothing when these are
 * the oldest.
 */
beforeSeq: number | null, 
/**
 * For `TimelineAt::After`: where the next newer page begins; nothing when these are the
 * newest.
 */
afterSeq: number | null, };
export type TissueShares = { 
/**
 * Black.
 */
necrosis: number, 
/**
 * Yellow.
 */
slough: number, 
/**
 * Red.
 */
granulation: number, 
/**
 * Pink.
 */
epithelium: number, };
export type ToDo = { 
/**
 * Urgent, and nobody has taken it: tasks, and messages of others. Reading does not take
 * it away.
 */
urgent: Array<ToDoRow>, 
/**
 * Waits for this person: handovers to acknowledge, tasks that are theirs.
 */
toAnswer: Array<ToDoRow>, 
/**
 * Threads with something unread, by their last event.
 */
rest: Array<ToDoRow>, 
/**
 * Whether there are more of the rest.
 */
more: boolean, };
export type ToDoRow = { 
/**
 * Id of the thread.
 */
thread: string, 
/**
 * Title of the thread.
 */
title: string, 
/**
 * Of whom it is, once somebody wrote it.
 */
patient: PatientBrief | null, 
/**
 * What it is.
 */
subject: ToDoSubject, 
/**
 * Id of its event, or of the one that a task is about.
 */
event: string | null, 
/**
 * Id of who asks or says it.
 */
by: string, 
/**
 * Their name.
 */
byName: string, 
/**
 * Code of their profession in TRE_G15; 0 for a lay person, nothing while it is not known.
 */
byProfession: number | null, 
/**
 * When, milliseconds since the Unix epoch.
 */
timeMs: number, 
/**
 * Until when, milliseconds since the Unix epoch.
 */
untilMs: number | null, 
/**
 * A small JPEG of the photo that it is, or is about.
 */
thumbnail: Uint8Array | null, 
/**
 * Other members who have it on a device.
 */
delivered: number, 
/**
 * Other members who have read so far.
 */
read: number, 
/**
 * Other members.
 */
of: number, 
/**
 * What is unread in the thread, counted to 1,000.
 */
unread: number, };
export type ToDoSubject = { "type": "task", 
/**
 * The task.
 */
task: CareTask, } | { "type": "event", 
/**
 * What it says; of a photo the row has the thumbnail.
 */
content: Content, };
export type Trend = "better" | "same" | "worse";
export type Trouble = { "type": "frozen" } | { "type": "revoked" } | { "type": "wiped" } | { "type": "lapsed" } | { "type": "updateNeeded" } | { "type": "structureForked" } | { "type": "structureDisputed", 
/**
 * Id of that colleague.
 */
person: string, } | { "type": "structureWithheld" } | { "type": "threadForked", 
/**
 * Id of the thread.
 */
thread: string, } | { "type": "threadStopped", 
/**
 * Id of the thread.
 */
thread: string, };
export type Verification = "never" | "verified" | "lost";
export type WhoAmI = { 
/**
 * Id of the practice.
 */
structure: string, 
/**
 * Id of the person.
 */
person: string, 
/**
 * Id of this device.
 */
device: string, 
/**
 * The person's card, once this device can read it.
 */
card: Card | null, 
/**
 * Whether a coordinator has confirmed the enrolment.
 */
confirmed: boolean, 
/**
 * Whether the person is a coordinator of the practice.
 */
coordinator: boolean, 
/**
 * Address of the server.
 */
serverUrl: string, };
export type Wound = { 
/**
 * Its id.
 */
wound: string, 
/**
 * What caused it.
 */
origin: WoundOrigin | null, 
/**
 * Since when; month and day may be 0.
 */
onset: CalendarDate | null, 
/**
 * Where on the body.
 */
site: BodySite | null, 
/**
 * Where it is drawn on the body map.
 */
place: BodyPlace | null, 
/**
 * Id of who opened it.
 */
author: string, 
/**
 * When, milliseconds since the Unix epoch.
 */
openedMs: number, 
/**
 * Whether it is followed.
 */
status: WoundStatus, 
/**
 * Id of who closed or reopened it last.
 */
actor: string | null, 
/**
 * When that was, or it was opened, milliseconds since the Unix epoch.
 */
changedMs: number, 
/**
 * Why it was closed without being healed; else empty.
 */
reason: string, 
/**
 * How often it was assessed.
 */
assessments: number, 
/**
 * The last assessment.
 */
latest: WoundAssessment | null, 
/**
 * The last photo of its series: what the next one is laid over.
 */
lastPhoto: WoundPhoto | null, 
/**
 * Whether something of it has not been settled yet.
 */
pending: boolean, };
export type WoundAssessment = { 
/**
 * Id of its event.
 */
event: string, 
/**
 * Id of who assessed.
 */
author: string, 
/**
 * Milliseconds since the Unix epoch: server time, the device's until it is sent.
 */
timeMs: number, 
/**
 * What was found.
 */
found: Assessment, 
/**
 * Where length, width, exudate and tissue are given.
 */
push: PushScore | null, 
/**
 * Whether it has not been settled yet.
 */
pending: boolean, };
export type WoundChange = "healed" | "closed" | "reopened";
export type WoundEdge = "attached" | "unattached" | "rolled" | "calloused" | "macerated" | "irregular";
export type WoundOrigin = "pressure" | "venous" | "arterial" | "diabeticFoot" | "surgical" | "trauma" | "burn" | "other";
export type WoundPhoto = { 
/**
 * Id of its event.
 */
event: string, 
/**
 * Id of who took it.
 */
author: string, 
/**
 * Milliseconds since the Unix epoch: server time, the device's until it is sent.
 */
timeMs: number, 
/**
 * Id of the original, for `Relais.photo`.
 */
photo: string | null, 
/**
 * A small JPEG, long side at most 320 pixels.
 */
thumbnail: Uint8Array, 
/**
 * Width of the original in pixels.
 */
width: number, 
/**
 * Height of the original in pixels.
 */
height: number, 
/**
 * What it shows, in words; may be empty.
 */
caption: string, };
export type WoundSeries = { 
/**
 * The wound.
 */
wound: Wound, 
/**
 * Its assessments.
 */
steps: Array<WoundStep>, 
/**
 * All of its photos, assessed or not.
 */
photos: Array<WoundPhoto>, };
export type WoundStatus = "open" | "healed" | "closed";
export type WoundStep = { 
/**
 * The assessment.
 */
assessment: WoundAssessment, 
/**
 * The photo that its numbers were taken from, where this device holds it.
 */
photo: WoundPhoto | null, 
/**
 * How the area has changed since the assessment before that can be compared.
 */
sincePrevious: AreaChange | null, 
/**
 * How the area has changed since the first assessment that can be compared.
 */
sinceFirst: AreaChange | null, };

/** Every call: what it takes, what it answers. */
export interface Calls {
  syncState: { args: Record<string, never>; result: SyncState };
  troubles: { args: Record<string, never>; result: Array<Trouble> };
  join: { args: { link: string; card: Card | null }; result: void };
  joinByScan: { args: { serverUrl: string }; result: string };
  linkRequest: { args: Record<string, never>; result: string | null };
  confirmLink: { args: { code: string }; result: void };
  enrolment: { args: Record<string, never>; result: Enrolment };
  whoami: { args: Record<string, never>; result: WhoAmI };
  returnDevice: { args: Record<string, never>; result: void };
  people: { args: Record<string, never>; result: Array<Person> };
  invite: { args: { card: Card }; result: Invitation };
  inviteAgain: { args: { person: string; lost: Array<string> }; result: Invitation };
  withdrawInvitation: { args: { person: string }; result: void };
  invitations: { args: Record<string, never>; result: Array<Invitation> };
  revokePerson: { args: { person: string }; result: void };
  safetyCode: { args: { person: string }; result: SafetyCode };
  verifySafetyCode: { args: { person: string; presented: Bytes }; result: SafetyCheck };
  markVerified: { args: { person: string }; result: void };
  linkDevice: { args: Record<string, never>; result: DeviceLink };
  acceptDevice: { args: { request: string }; result: string };
  revokeDevice: { args: { device: string }; result: void };
  recoveryStatus: { args: Record<string, never>; result: RecoveryStatus };
  makeRecoveryKit: { args: { access: RootAccess; passphrase: string }; result: string };
  makeRecoveryShares: { args: { access: RootAccess; needed: number; of: number }; result: Array<string> };
  confirmRecovery: { args: { access: RootAccess }; result: void };
  forgetRoot: { args: Record<string, never>; result: void };
  replaceRoot: { args: { access: RootAccess; passphrase: string }; result: string };
  proposeRootReplacement: { args: { passphrase: string }; result: ProposedRoot };
  rootProposals: { args: Record<string, never>; result: Array<RootProposal> };
  approveRootReplacement: { args: { proposal: string }; result: void };
  appointCoordinator: { args: { person: string; access: RootAccess }; result: void };
  endCoordinator: { args: { person: string; access: RootAccess }; result: void };
  threads: { args: Record<string, never>; result: Array<ThreadSummary> };
  thread: { args: { thread: string }; result: ThreadSummary };
  createThread: { args: { new: NewThread }; result: string };
  timelineBefore: { args: { thread: string; beforeSeq: number | null; limit: number }; result: TimelinePage };
  timelineAfter: { args: { thread: string; afterSeq: number; limit: number }; result: Array<TimelineItem> };
  sendMessage: { args: { thread: string; text: string; priority: Priority; replyTo: string | null }; result: string };
  markRead: { args: { thread: string; seq: number }; result: void };
  patientHeader: { args: { thread: string }; result: HeaderVersion | null };
  setPatientHeader: { args: { thread: string; header: PatientHeader }; result: string };
  past: { args: { thread: string }; result: ThreadPast };
  askPastAgain: { args: { thread: string }; result: number };
  rejoinThread: { args: { thread: string }; result: void };
  rebootThread: { args: { thread: string }; result: void };
  members: { args: { thread: string }; result: Array<Member> };
  addMember: { args: { thread: string; member: NewMember }; result: void };
  removeMember: { args: { thread: string; person: string }; result: void };
  sharePast: { args: { thread: string; person: string; past: PastShared }; result: void };
  acceptCircle: { args: { thread: string }; result: void };
  toDo: { args: { limit: number }; result: ToDo };
  openTasks: { args: Record<string, never>; result: Array<PlacedTask> };
  cockpit: { args: Record<string, never>; result: Cockpit };
  takeMessage: { args: { thread: string; event: string }; result: string };
  search: { args: { text: string; thread: string | null; after: string | null; limit: number }; result: SearchPage };
  timelineAround: { args: { thread: string; at: TimelineAt; limit: number }; result: TimelineWindow };
  tasks: { args: { thread: string }; result: Array<CareTask> };
  createTask: { args: { thread: string; new: NewTask }; result: string };
  changeTask: { args: { thread: string; task: string; change: TaskChange; reason: string }; result: string };
  handovers: { args: { thread: string }; result: Array<Handover> };
  writeHandover: { args: { thread: string; note: HandoverNote }; result: string };
  acknowledgeHandover: { args: { thread: string; handover: string; synthesis: string }; result: string };
  failedActs: { args: Record<string, never>; result: Array<FailedAct> };
  retry: { args: { number: number }; result: void };
  discard: { args: { number: number }; result: void };
  wounds: { args: { thread: string }; result: Array<Wound> };
  wound: { args: { thread: string; wound: string }; result: WoundSeries };
  openWound: { args: { thread: string; new: NewWound }; result: string };
  assessWound: { args: { thread: string; wound: string; found: Assessment }; result: string };
  changeWound: { args: { thread: string; wound: string; change: WoundChange; reason: string }; result: string };
  sendPhoto: { args: { thread: string; photo: Bytes; caption: string; bodySite: string; laterality: Laterality | null; wound: string | null }; result: string };
  photoProgress: { args: { photo: string }; result: PhotoProgress };
  photo: { args: { photo: string }; result: Bytes };
  setting: { args: { name: string }; result: string | null };
  setSetting: { args: { name: string; value: string | null }; result: void };
}
