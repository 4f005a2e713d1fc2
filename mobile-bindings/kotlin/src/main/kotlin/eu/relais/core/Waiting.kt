package eu.relais.core

import kotlin.time.Duration

/**
 * Waits until the device is caught up and nothing waits, for at most [timeout], and answers the
 * state of then. Cancelling the coroutine ends the wait.
 */
suspend fun Relais.awaitSynced(timeout: Duration): SyncState =
    cancelling { waitUntilSynced(timeout.millis, it) }

/**
 * The original of a photo as JPEG, fetched when it is not here yet, within [timeout]. Cancelling
 * the coroutine ends the wait; what was fetched is kept. Fails as [Relais.photo] does.
 */
suspend fun Relais.awaitPhoto(photo: String, timeout: Duration): ByteArray =
    cancelling { photo(photo, timeout.millis, it) }

private val Duration.millis: ULong
    get() = inWholeMilliseconds.coerceAtLeast(0).toULong()

/** Passes a coroutine's cancellation on to the library. */
private suspend fun <T> cancelling(call: suspend (Cancellation) -> T): T =
    Cancellation().use { cancellation ->
        try {
            call(cancellation)
        } finally {
            cancellation.cancel()
        }
    }
