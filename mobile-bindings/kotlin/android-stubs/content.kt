// What the hand-written sources use of Android's interface, so that they can be compiled without its SDK. Never run.
package android.content

abstract class Context {
    abstract fun getSharedPreferences(name: String, mode: Int): SharedPreferences

    abstract fun <T> getSystemService(serviceClass: Class<T>): T

    companion object {
        const val MODE_PRIVATE = 0
    }
}

interface SharedPreferences {
    fun getString(key: String, defValue: String?): String?

    fun edit(): Editor

    interface Editor {
        fun putString(key: String, value: String?): Editor

        fun remove(key: String): Editor

        fun commit(): Boolean
    }
}
