// See content.kt.
package android.net

open class Network

abstract class ConnectivityManager {
    abstract val activeNetwork: Network?

    abstract fun registerDefaultNetworkCallback(networkCallback: NetworkCallback)

    abstract fun unregisterNetworkCallback(networkCallback: NetworkCallback)

    open class NetworkCallback {
        open fun onAvailable(network: Network) {}

        open fun onLost(network: Network) {}
    }
}
