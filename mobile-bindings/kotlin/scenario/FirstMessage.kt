import eu.relais.core.*
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.mapNotNull

/** From the link of an invitation to a first message, as docs/mobile.md tells it; answers the message's state. */
suspend fun firstMessage(path: String, secrets: SecretStore, network: Connectivity, link: String): ItemState {
    // guide: open
    val relais = Relais.open(path, Platform(secrets, network, clock = null))
    // guide: join
    relais.join(link, card = null)
    // guide: wait
    val thread = relais.events()
        .mapNotNull { relais.joinedThread() }
        .first()
    // guide: send
    val event = relais.sendMessage(thread, "Bonjour à tous", Priority.NORMAL, replyTo = null)
    // guide: show
    val sent = relais.events()
        .mapNotNull { relais.timelineBefore(thread, beforeSeq = null, limit = 50u).items }
        .mapNotNull { items -> items.find { (it.body as? ItemBody.Event)?.event == event } }
        .first { it.state is ItemState.Sent }
    // guide: close
    relais.shutdownAndClose()
    relais.close()
    // guide: end
    return sent.state
}

// guide: look
/** The thread that this device is in; nothing before it is let in. */
private suspend fun Relais.joinedThread(): String? =
    when (enrolment()) {
        Enrolment.Enrolled -> threads().find { it.state == ThreadState.Joined }?.thread
        else -> null
    }
// guide: end
