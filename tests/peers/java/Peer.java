// SPDX-License-Identifier: Apache-2.0
// Java's JSSE as a peer: a client that has its words echoed, and a server that echoes.
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;

public final class Peer {
  static final Map<String, String> options = new HashMap<>();

  static String option(String name) {
    return options.getOrDefault(name, "");
  }

  static X509Certificate[] certificates(String file) throws IOException, GeneralSecurityException {
    try (var in = new FileInputStream(file)) {
      return CertificateFactory.getInstance("X.509").generateCertificates(in).toArray(new X509Certificate[0]);
    }
  }

  // Shows its certificate whoever is to have issued it: what a server says of a stranger is to be seen.
  static final class Keys extends X509ExtendedKeyManager {
    final X509Certificate[] chain = certificates(option("-cert"));
    final PrivateKey key;

    Keys() throws IOException, GeneralSecurityException {
      var text = Files.readString(Path.of(option("-key"))).replaceAll("-----[A-Z ]+-----|\\s", "");
      var kind = KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm());
      key = kind.generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
    }

    String choose(String... kinds) {
      return Arrays.asList(kinds).contains(key.getAlgorithm()) ? "site" : null;
    }

    public X509Certificate[] getCertificateChain(String alias) { return chain; }
    public PrivateKey getPrivateKey(String alias) { return key; }
    public String[] getClientAliases(String kind, Principal[] issuers) { return new String[] {"site"}; }
    public String[] getServerAliases(String kind, Principal[] issuers) { return new String[] {"site"}; }
    public String chooseClientAlias(String[] kinds, Principal[] issuers, Socket s) { return choose(kinds); }
    public String chooseServerAlias(String kind, Principal[] issuers, Socket s) { return choose(kind); }
  }

  static TrustManagerFactory trust() throws IOException, GeneralSecurityException {
    if (option("-ca").isEmpty()) return null;
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setCertificateEntry("ca", certificates(option("-ca"))[0]);
    var made = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    made.init(store);
    return made;
  }

  static SSLContext context() throws IOException, GeneralSecurityException {
    var made = SSLContext.getInstance("TLS");
    var keys = option("-cert").isEmpty() ? null : new KeyManager[] {new Keys()};
    var trust = trust();
    made.init(keys, trust == null ? null : trust.getTrustManagers(), null);
    return made;
  }

  static SSLParameters parameters(SSLParameters made) {
    made.setProtocols(new String[] {"TLSv" + option("-version")});
    if (!option("-alpn").isEmpty()) made.setApplicationProtocols(new String[] {option("-alpn")});
    return made;
  }

  static void client() throws IOException, GeneralSecurityException {
    var words = System.in.readAllBytes();
    var context = context(); // keeps the sessions too
    var address = option("-address").split(":");
    for (int i = Integer.parseInt(options.getOrDefault("-times", "1")); i > 0; --i) {
      var raw = new Socket(address[0], Integer.parseInt(address[1]));
      raw.setSoTimeout(60_000);
      try (var s = (SSLSocket) context.getSocketFactory().createSocket(raw, option("-name"), raw.getPort(), true)) {
        var wishes = parameters(s.getSSLParameters());
        wishes.setEndpointIdentificationAlgorithm("HTTPS");
        s.setSSLParameters(wishes);
        s.getOutputStream().write(words);
        var echo = s.getInputStream().readNBytes(words.length);
        if (!s.getApplicationProtocol().equals(option("-alpn"))) throw new IOException("another ALPN protocol");
        System.out.write(echo);
      }
    }
    System.out.flush();
  }

  static void echo(Socket accepted) {
    try (accepted) {
      accepted.getInputStream().transferTo(accepted.getOutputStream());
    } catch (IOException trouble) { // of one client; the test looks at the other side
      System.err.println(trouble);
    }
  }

  static void server() throws IOException, GeneralSecurityException {
    var factory = context().getServerSocketFactory();
    var listener = (SSLServerSocket) factory.createServerSocket(0, 16, InetAddress.getLoopbackAddress());
    var wishes = parameters(listener.getSSLParameters());
    wishes.setNeedClientAuth(!option("-ca").isEmpty());
    listener.setSSLParameters(wishes);
    var watch = new Thread(() -> { // ends with whoever started it
      try {
        System.in.readAllBytes();
      } catch (IOException trouble) {
        System.err.println(trouble);
      }
      System.exit(0);
    });
    watch.start();
    while (true) {
      var accepted = listener.accept();
      new Thread(() -> echo(accepted)).start();
    }
  }

  public static void main(String[] words) throws Exception {
    for (int i = 1; i + 1 < words.length; i += 2) options.put(words[i], words[i + 1]);
    if (words[0].equals("server")) server();
    else client();
  }
}
