// The library as an Android app uses it, on a JVM: two devices, a real server.
//
// Run by `cargo xtask test`, and by hand with `cargo xtask bindings kotlin --run`. From
// `relais-demo --run` it has RELAIS_SETUP_LINK (a set-up link that nobody has used) and
// RELAIS_PHOTO (a JPEG).

import eu.relais.core.*
import java.io.File
import java.nio.file.Files
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

private val COORDINATOR = Card("Fictif-Lefèvre", "Hélène", 60u, "99900017148")
private val DOCTOR = Card("Fictif-Châtaignier", "Jérôme", 10u, "99900039621")
private val NURSE = Card("Exemple-Quéméneur", "Maëlle", 60u, "99900028517")

/** What the steps share. */
private class Practice(val folder: File, val log: Lines, val coordinator: Device, val nurse: Device) {
    lateinit var nurseId: String
    lateinit var thread: String
}

private val STEPS: List<Pair<String, suspend Practice.() -> Any?>> = listOf(
    "they join" to {
        check(coordinator.relais.enrolment() == Enrolment.None)
        coordinator.relais.join(System.getenv("RELAIS_SETUP_LINK"), COORDINATOR)
        val invitation = coordinator.until("set up") {
            try {
                invite(NURSE)
            } catch (_: RelaisException.Retry) {
                null // Nobody can be invited before the practice is set up.
            } catch (_: RelaisException.ReEnrol) {
                null
            }
        }
        nurseId = invitation.person
        coordinator.relais.awaitSynced(COMES)
        nurse.relais.join(invitation.link, null)
        val me = nurse.until("joined") {
            if (enrolment() == Enrolment.Enrolled) whoami().takeIf { it.confirmed } else null
        }
        check(me.person == nurseId)
        check(RelaisEvent.Enrolled in nurse.heard) { nurse.heard }
    },

    "a thread is opened" to {
        coordinator.until("her card") { people().find { it.person == nurseId && it.card != null } }
        val circle = listOf(inCareTeam(nurseId))
        thread = coordinator.relais.createThread(NewThread("Mme Exemple", null, circle))
        val joined = nurse.until("in the thread") {
            threads().find { it.state == ThreadState.Joined && it.title == "Mme Exemple" }
        }
        check(joined.thread == thread)
    },

    "text and photo arrive" to {
        nurse.relais.sendMessage(thread, "Bonjour à tous", Priority.NORMAL, null)
        val taken = File(System.getenv("RELAIS_PHOTO")).readBytes()
        nurse.relais.sendPhoto(thread, taken, "J12, fibrine au centre", "talon", Laterality.LEFT, null)
        nurse.relais.sendMessage(thread, "Fièvre à 38,5 °C", Priority.URGENT, null)
        val texts = listOf("Bonjour à tous", "Fièvre à 38,5 °C")
        coordinator.until("the texts") { coordinator.texts(thread).takeIf { it == texts } }
        val photo = coordinator.photos(thread).single()
        check(photo.caption == "J12, fibrine au centre" && photo.bodySite == "talon")
        check(photo.laterality == Laterality.LEFT && photo.thumbnail.isJpeg())
        val id = checkNotNull(photo.photo)
        // The original is fetched when it is asked for, once the nurse's phone has sent it.
        val jpeg = coordinator.until("the original") {
            try {
                awaitPhoto(id, 10.seconds)
            } catch (_: RelaisException.Retry) {
                null
            }
        }
        check(jpeg.isJpeg() && "Exif" !in String(jpeg, Charsets.ISO_8859_1)) { "no tag leaves the phone" }
        val progress = coordinator.relais.photoProgress(id)
        check(progress.done == progress.total && progress.total > 0u)
        check(RelaisEvent.ThreadChanged(thread) in coordinator.heard)
    },

    "a task is taken" to {
        val new = NewTask(
            title = "Prélever un INR",
            detail = "",
            owner = nurseId,
            priority = Priority.NORMAL,
            dueMs = null,
            about = null,
        )
        val task = coordinator.relais.createTask(thread, new)
        nurse.until("the task") { tasks(thread).find { it.task == task && it.status == TaskStatus.OPEN } }
        nurse.relais.changeTask(thread, task, TaskChange.TAKEN, "")
        coordinator.until("taken") { tasks(thread).find { it.task == task && it.status == TaskStatus.TAKEN } }
    },

    "a handover is acknowledged" to {
        val note = HandoverNote(
            situation = "Plaie du talon gauche, stade 3",
            background = "Diabète de type 2",
            assessment = "Surinfection débutante probable",
            request = "Passer voir la plaie avant demain midi",
            requestKind = RequestKind.VISIT,
            deadlineMs = null,
            receivers = listOf(coordinator.relais.whoami().person),
        )
        val handover = nurse.relais.writeHandover(thread, note)
        coordinator.until("the note") { handovers(thread).find { it.event == handover } }
        coordinator.relais.acknowledgeHandover(thread, handover, "Je passe ce soir à 19 h")
        nurse.until("acknowledged") { handovers(thread).find { it.event == handover && it.complete } }
    },

    "what is written offline leaves later" to {
        suspend fun stateOfIt() = nurse.said(thread)
            .single { (content, _) -> content is Content.Message && content.text == "Sans réseau" }
            .second.state
        nurse.network.there = false
        nurse.relais.networkChanged()
        nurse.relais.sendMessage(thread, "Sans réseau", Priority.NORMAL, null)
        val offline = nurse.relais.syncState()
        check(offline.phase == ConnectionPhase.OFFLINE && offline.waiting == 1uL) { offline }
        check(stateOfIt() == ItemState.Waiting)
        nurse.network.there = true
        nurse.relais.networkChanged()
        val synced = nurse.relais.awaitSynced(COMES)
        check(synced.caughtUp && synced.waiting == 0uL) { synced }
        check(stateOfIt() is ItemState.Sent)
        coordinator.until("it arrived") { coordinator.texts(thread).find { it == "Sans réseau" } }
    },

    "waiting can be cancelled" to {
        nurse.network.there = false
        nurse.relais.networkChanged()
        // By a handle: the call fails.
        Cancellation().use { cancellation ->
            cancellation.cancel()
            val failure = fails<RelaisException.Retry> { nurse.relais.waitUntilSynced(60_000u, cancellation) }
            check(failure.code == "cancelled")
        }
        // By the coroutine's end.
        coroutineScope {
            val waiting = launch(start = CoroutineStart.UNDISPATCHED) { nurse.relais.awaitSynced(COMES) }
            withTimeout(COMES) { waiting.cancelAndJoin() }
            check(waiting.isCancelled)
        }
        // A command whose caller goes away is done all the same.
        coroutineScope {
            val sending = launch(start = CoroutineStart.UNDISPATCHED) {
                nurse.relais.setSetting("draft", "Bonjour")
            }
            sending.cancelAndJoin()
        }
        nurse.network.there = true
        nurse.relais.networkChanged()
        nurse.until("kept") { setting("draft")?.takeIf { it == "Bonjour" } }
        nurse.relais.awaitSynced(COMES)
    },

    "the guide leads to a first message" to {
        val invitation = coordinator.relais.invite(DOCTOR)
        coordinator.relais.awaitSynced(COMES)
        val state = coroutineScope {
            val path = File(folder, "doctor.db").path
            val sent = async { withTimeout(COMES) { firstMessage(path, Secrets(), Network(), invitation.link) } }
            coordinator.until("he has joined") {
                people().find { it.person == invitation.person && it.confirmed }
            }
            coordinator.relais.addMember(thread, inCareTeam(invitation.person))
            sent.await()
        }
        check(state is ItemState.Sent)
        coordinator.until("his message") { coordinator.texts(thread).takeIf { it.last() == "Bonjour à tous" } }
    },

    "many calls at once are answered" to {
        val answers = coroutineScope {
            List(200) { async { nurse.relais.timelineBefore(thread, null, 50u).items.map { it.seq } } }.awaitAll()
        }
        // Something may still arrive meanwhile; nothing goes.
        val least = answers.minBy { it.size }
        check(least.isNotEmpty() && answers.all { it.take(least.size) == least })
    },

    "errors are typed" to {
        fails<RelaisException.Rejected> { nurse.relais.join("https://relais.example/nothing", null) }
        val odd = fails<RelaisException.Rejected> { nurse.relais.markRead("../1", 1u) }
        check(odd.field == "thread")
        val empty = fails<RelaisException.Rejected> { nurse.relais.sendMessage(thread, "", Priority.NORMAL, null) }
        check(empty.field == "text")
        val denied = fails<RelaisException.Rejected> { nurse.relais.invite(DOCTOR) }
        check(denied.code == "not_coordinator" && denied.key == "error.not_coordinator" && denied.field == null)
        val second = fails<RelaisException.Retry> { Relais.open(nurse.path, nurse.platform) }
        check(second.code == "busy")
        suspend fun opened(secrets: SecretStore) =
            Relais.open(File(folder, "other.db").path, Platform(secrets, null, null))
        val locked = fails<RelaisException.Retry> { opened(FailingSecrets(PlatformException.Locked())) }
        check(locked.code == "secret_store_locked")
        val broken = fails<RelaisException.Fatal> { opened(FailingSecrets(IllegalStateException("Mme Exemple"))) }
        check(broken.code == "platform")
        check("Exemple" !in broken.toString()) { "what an exception says stays where it was raised" }
    },

    "a push is described without a device" to {
        val urgent = describePush("""{"urgent": true, "badge": 3}""".toByteArray(), PushLanguage.FRENCH)
        check(urgent.urgency == PushUrgency.URGENT && urgent.badge == 3u)
        val generic = describePush(byteArrayOf(-1, 0, 123), PushLanguage.FRENCH)
        check(generic.urgency == PushUrgency.NORMAL && generic.badge == null && generic.body.isNotEmpty())
    },

    "closing is for good" to {
        val texts = nurse.texts(thread)
        nurse.relais.shutdownAndClose()
        val after = fails<RelaisException.Fatal> { nurse.relais.threads() }
        check(after.code == "closed")
        nurse.isToldOfTheEnd()
        nurse.relais.close()
        nurse.reopen()
        check(nurse.texts(thread) == texts)
        nurse.relais.shutdownAndClose()
        forgetDatabase(nurse.path, nurse.secrets)
        check(!File(nurse.path).exists() && nurse.secrets.kept.isEmpty())
        coordinator.relais.shutdownAndClose()
        coordinator.isToldOfTheEnd()
    },

    "the log says what happens and not what was written" to {
        val lines = log.lines.toList()
        check("connected" in lines && "there is no network" in lines) { lines }
        val secret = listOf("Exemple", "Mme", "Fièvre", "talon", "Maëlle", thread, nurseId, "127.0.0.1")
        check(lines.none { line -> secret.any { it in line } }) { lines }
    },
)

private fun inCareTeam(person: String) = NewMember(
    person = person,
    role = MemberRole.CONTRIBUTOR,
    expiresAtMs = null,
    roleText = "",
    basis = Basis.CARE_TEAM,
    consentDate = null,
    past = PastShared.Everything,
)

private fun ByteArray.isJpeg() = size > 2 && this[0] == 0xff.toByte() && this[1] == 0xd8.toByte()

private suspend inline fun <reified E : Throwable> fails(call: suspend () -> Unit): E {
    try {
        call()
    } catch (failure: Throwable) {
        return failure as? E ?: throw failure
    }
    throw AssertionError("it succeeded")
}

private suspend fun play(folder: File): Int = coroutineScope {
    val log = Lines()
    setLogger(log, LogLevel.DEBUG)
    val coordinator = Device.open(this, folder, "coordinator")
    val practice = Practice(folder, log, coordinator, Device.open(this, folder, "nurse"))
    var passed = 0
    for ((name, step) in STEPS) {
        try {
            practice.step()
        } catch (failure: Throwable) {
            failure.printStackTrace()
            println("FAILED $name")
            break // Each step goes on where the one before ended.
        }
        passed += 1
        println("ok $name")
    }
    println("$passed passed, ${STEPS.size - passed} failed")
    // Whatever still listens, of a step that failed, must not hold up the end.
    exitProcess(if (passed == STEPS.size) 0 else 1)
}

fun main() {
    val folder = Files.createTempDirectory("relais-scenario-").toFile()
    Runtime.getRuntime().addShutdownHook(Thread { folder.deleteRecursively() })
    runBlocking { play(folder) }
}
