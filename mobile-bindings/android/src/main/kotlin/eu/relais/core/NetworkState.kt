package eu.relais.core

import android.content.Context
import android.net.ConnectivityManager
import android.net.Network
import kotlinx.coroutines.channels.Channel

/**
 * Whether the phone has a network, as the system sees it. Give one to [Platform], and let it
 * [follow] the object that was opened with it.
 */
class NetworkState(context: Context) : Connectivity, AutoCloseable {
    private val manager = context.getSystemService(ConnectivityManager::class.java)
    private val changes = Channel<Unit>(Channel.CONFLATED)

    @Volatile
    private var online = manager.activeNetwork != null

    private val callback = object : ConnectivityManager.NetworkCallback() {
        // Also when another network takes the place of the one before.
        override fun onAvailable(network: Network) = changed(true)

        override fun onLost(network: Network) = changed(false)
    }

    init {
        manager.registerDefaultNetworkCallback(callback)
    }

    /** Whether a server could be reached, as far as the phone knows. */
    override fun isOnline(): Boolean = online

    /**
     * Tells [relais] whenever the network came, went or is another one; until the coroutine is
     * cancelled, this is closed, or [relais] is.
     */
    suspend fun follow(relais: Relais) {
        for (change in changes) {
            try {
                relais.networkChanged()
            } catch (_: RelaisException.Fatal) {
                return
            }
        }
    }

    /** Asks the system no more. */
    override fun close() {
        manager.unregisterNetworkCallback(callback)
        changes.close()
    }

    private fun changed(now: Boolean) {
        online = now
        changes.trySend(Unit)
    }
}
