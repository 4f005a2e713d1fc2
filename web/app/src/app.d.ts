/** First digits of the hash over every file of this build. */
declare const __BUILD__: string;
