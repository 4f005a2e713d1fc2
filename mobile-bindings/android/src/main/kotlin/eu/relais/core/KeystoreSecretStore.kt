package eu.relais.core

import android.content.Context
import android.content.SharedPreferences
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties
import java.security.GeneralSecurityException
import java.security.InvalidKeyException
import java.security.KeyStore
import java.security.ProviderException
import java.util.Base64
import javax.crypto.AEADBadTagException
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

/**
 * Keeps the library's secrets in the app's preferences, each encrypted with a key that never leaves
 * the phone's Keystore. A copy of the preferences on another phone is worth nothing.
 */
class KeystoreSecretStore(private val context: Context, private val alias: String = "eu.relais") : SecretStore {
    /** The secret of this name; nothing when there is none, or none that this phone can read any more. */
    override fun load(name: String): ByteArray? = guarded {
        val kept = preferences().getString(name, null) ?: return null
        val sealed = Base64.getDecoder().decode(kept)
        val key = keyStore().getKey(alias, null) ?: return null
        val cipher = Cipher.getInstance(TRANSFORMATION)
        try {
            cipher.init(Cipher.DECRYPT_MODE, key, GCMParameterSpec(TAG_BITS, sealed, 0, IV_BYTES))
            cipher.updateAAD(name.toByteArray())
            cipher.doFinal(sealed, IV_BYTES, sealed.size - IV_BYTES)
        } catch (_: AEADBadTagException) {
            null // Encrypted with an earlier key: it is gone for good.
        } catch (_: InvalidKeyException) {
            null // The phone has invalidated the key for good.
        }
    }

    /** Keeps a secret in the place of an earlier one, on the disk when this returns. */
    override fun store(name: String, secret: ByteArray): Unit = guarded {
        val cipher = Cipher.getInstance(TRANSFORMATION)
        cipher.init(Cipher.ENCRYPT_MODE, key())
        cipher.updateAAD(name.toByteArray())
        val sealed = cipher.iv + cipher.doFinal(secret)
        val kept = Base64.getEncoder().encodeToString(sealed)
        // Not `apply`, which returns before it is on the disk.
        if (!preferences().edit().putString(name, kept).commit()) throw PlatformException.Unavailable()
    }

    /** Removes a secret, if there is one. */
    override fun delete(name: String): Unit = guarded {
        if (!preferences().edit().remove(name).commit()) throw PlatformException.Unavailable()
    }

    private fun preferences(): SharedPreferences =
        try {
            context.getSharedPreferences(alias, Context.MODE_PRIVATE)
        } catch (_: IllegalStateException) {
            throw PlatformException.Locked() // The person has not unlocked the phone since it started.
        }

    private fun keyStore(): KeyStore = KeyStore.getInstance(KEYSTORE).apply { load(null) }

    private fun key(): SecretKey =
        keyStore().getKey(alias, null) as? SecretKey ?: KeyGenerator.getInstance(KeyProperties.KEY_ALGORITHM_AES, KEYSTORE)
            .apply {
                val purposes = KeyProperties.PURPOSE_ENCRYPT or KeyProperties.PURPOSE_DECRYPT
                val spec = KeyGenParameterSpec.Builder(alias, purposes)
                    .setBlockModes(KeyProperties.BLOCK_MODE_GCM)
                    .setEncryptionPaddings(KeyProperties.ENCRYPTION_PADDING_NONE)
                    .setKeySize(KEY_BITS)
                init(spec.build())
            }
            .generateKey()

    private inline fun <T> guarded(work: () -> T): T =
        try {
            work()
        } catch (_: GeneralSecurityException) {
            throw PlatformException.Unavailable()
        } catch (_: ProviderException) {
            throw PlatformException.Unavailable()
        }

    private companion object {
        const val KEYSTORE = "AndroidKeyStore"
        const val TRANSFORMATION = "AES/GCM/NoPadding"
        const val KEY_BITS = 256
        const val TAG_BITS = 128
        const val IV_BYTES = 12
    }
}
