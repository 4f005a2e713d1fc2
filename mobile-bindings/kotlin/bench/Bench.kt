// The work of `cargo xtask bench bindings` in Kotlin: a line of JSON with what it took.
//
// It is the work of `tests/src/bin/bench/probe.rs`, on a copy of the same database.

import eu.relais.core.*
import java.util.concurrent.atomic.AtomicInteger
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.seconds
import kotlin.time.DurationUnit
import kotlin.time.measureTime
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

private const val PAGE = 100u
private const val ROUNDS = 5
private const val CALLS = 200
private const val EVENTS = 1000

private object Secrets : SecretStore {
    @OptIn(ExperimentalStdlibApi::class)
    override fun load(name: String): ByteArray = told("KEY").hexToByteArray()

    override fun store(name: String, secret: ByteArray) = Unit

    override fun delete(name: String) = Unit
}

private object Offline : Connectivity {
    override fun isOnline() = false
}

private fun told(name: String): String = System.getenv("RELAIS_BENCH_$name")

/** The median of the rounds, in milliseconds. */
private suspend fun measured(rounds: Int, work: suspend () -> Unit): Double =
    List(rounds) { measureTime { work() }.toDouble(DurationUnit.MILLISECONDS) }.sorted()[rounds / 2]

private suspend fun rows(relais: Relais, thread: String) {
    var count = 0
    var before: ULong? = null
    do {
        val page = relais.timelineBefore(thread, before, PAGE)
        count += page.items.size
        before = page.beforeSeq
    } while (before != null)
    check(count >= told("ROWS").toInt()) { count }
}

private suspend fun calls(relais: Relais, thread: String): Unit = coroutineScope {
    List(CALLS) { async { relais.thread(thread) } }.awaitAll()
}

private suspend fun events(relais: Relais, threads: List<String>): Unit = coroutineScope {
    val heard = AtomicInteger()
    val told = Channel<Unit>(Channel.CONFLATED)
    val listening = launch(start = CoroutineStart.UNDISPATCHED) {
        relais.events().collect { batch ->
            heard.addAndGet(batch.size)
            told.send(Unit)
        }
    }
    // Events of two threads in turn: what happens twice in a row would be told once.
    repeat(EVENTS / 2) { relais.sendMessage(threads[it % 2], "bonjour", Priority.NORMAL, null) }
    while (heard.get() < EVENTS) {
        withTimeout(10.seconds) { told.receive() }
    }
    listening.cancel()
}

fun main(): Unit = runBlocking {
    val threads = told("THREADS").split(",")
    val relais = Relais.open(told("DATABASE"), Platform(Secrets, Offline, null))
    val figures = listOf(
        "rows_ms" to measured(ROUNDS) { rows(relais, threads[0]) },
        "calls_ms" to measured(ROUNDS) { calls(relais, threads[0]) },
        "events_ms" to measured(1) { events(relais, threads) },
    )
    relais.shutdownAndClose()
    println(figures.joinToString(", ", "{", "}") { (name, ms) -> "\"$name\": ${"%.1f".format(java.util.Locale.ROOT, ms)}" })
    exitProcess(0)
}
