package eu.relais.core

import kotlinx.coroutines.channels.awaitClose
import kotlinx.coroutines.channels.trySendBlocking
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.callbackFlow

/**
 * What happens from the moment the flow is collected, in batches and in order. Each event says
 * that something changed, never what: read what the screen shows. The first batch is
 * [RelaisEvent.Missed] alone, so that what is read at each batch is read from the start. The flow
 * ends when the object is closed. Fails with `RelaisException.Fatal` after closing.
 *
 * A collector that is slow is told [RelaisEvent.Missed] and loses no more than the details.
 */
fun Relais.events(): Flow<List<RelaisEvent>> = callbackFlow {
    val listener = object : EventListener {
        // Waiting here holds up the next batch and nothing else in the library.
        override fun onEvents(events: List<RelaisEvent>) {
            trySendBlocking(events)
        }

        override fun onClosed() {
            close()
        }
    }
    subscribe(listener).use { subscription ->
        send(listOf(RelaisEvent.Missed))
        awaitClose { subscription.cancel() }
    }
}
