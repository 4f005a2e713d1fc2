import eu.relais.core.Connectivity
import eu.relais.core.Content
import eu.relais.core.ItemBody
import eu.relais.core.LogLevel
import eu.relais.core.Platform
import eu.relais.core.PlatformException
import eu.relais.core.PlatformLogger
import eu.relais.core.Relais
import eu.relais.core.RelaisEvent
import eu.relais.core.SecretStore
import eu.relais.core.TimelineItem
import eu.relais.core.events
import java.io.File
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.ConcurrentLinkedQueue
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Job
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.launch
import kotlinx.coroutines.withTimeout

/** How long something may take that comes by itself. */
val COMES = 60.seconds

/** Secrets in memory: an app has the Keystore. */
class Secrets : SecretStore {
    val kept = ConcurrentHashMap<String, ByteArray>()

    override fun load(name: String): ByteArray? = kept[name]

    override fun store(name: String, secret: ByteArray) {
        kept[name] = secret
    }

    override fun delete(name: String) {
        kept.remove(name)
    }
}

/** A store of which each call fails in this way. */
class FailingSecrets(private val failure: Exception) : SecretStore {
    override fun load(name: String): ByteArray? = throw failure

    override fun store(name: String, secret: ByteArray) = throw failure

    override fun delete(name: String) = throw failure
}

/** What the library logs. */
class Lines : PlatformLogger {
    val lines = ConcurrentLinkedQueue<String>()

    override fun log(level: LogLevel, line: String) {
        lines.add(line)
    }
}

class Network : Connectivity {
    @Volatile
    var there = true

    override fun isOnline(): Boolean = there
}

/** A person's phone. */
class Device private constructor(val path: String) {
    val secrets = Secrets()
    val network = Network()
    val platform = Platform(secrets, network, null)
    val heard = ConcurrentLinkedQueue<RelaisEvent>()
    lateinit var relais: Relais
        private set
    private val told = Channel<Unit>(Channel.CONFLATED)
    private lateinit var listening: Job

    companion object {
        suspend fun open(scope: CoroutineScope, folder: File, name: String): Device {
            val device = Device(File(folder, "$name.db").path)
            device.reopen()
            device.listening = scope.launch(start = CoroutineStart.UNDISPATCHED) {
                device.relais.events().collect { batch ->
                    device.heard.addAll(batch)
                    device.told.send(Unit)
                }
            }
            return device
        }
    }

    suspend fun reopen() {
        relais = Relais.open(path, platform)
    }

    /** Waits until the flow of events has ended. */
    suspend fun isToldOfTheEnd() = withTimeout(COMES) { listening.join() }

    /** Looks until something is there, again after each batch of events. */
    suspend fun <T : Any> until(what: String, look: suspend Relais.() -> T?): T =
        try {
            withTimeout(COMES) {
                var found = relais.look()
                while (found == null) {
                    told.receive()
                    found = relais.look()
                }
                found
            }
        } catch (_: TimeoutCancellationException) {
            throw AssertionError("$what: ${relais.syncState()}")
        }

    /** The whole timeline, in pages from its end. */
    suspend fun timeline(thread: String): List<TimelineItem> {
        val items = ArrayDeque<TimelineItem>()
        var before: ULong? = null
        do {
            val page = relais.timelineBefore(thread, before, 20u)
            items.addAll(0, page.items)
            before = page.beforeSeq
        } while (before != null)
        return items
    }

    /** What people said: each content with its item. */
    suspend fun said(thread: String): List<Pair<Content, TimelineItem>> =
        timeline(thread).mapNotNull { item -> (item.body as? ItemBody.Event)?.let { it.content to item } }

    suspend fun texts(thread: String): List<String> =
        said(thread).mapNotNull { (content, _) -> (content as? Content.Message)?.text }

    suspend fun photos(thread: String): List<Content.Photo> =
        said(thread).mapNotNull { (content, _) -> content as? Content.Photo }
}
