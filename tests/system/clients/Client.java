/** The requests of test_clients.py with Java's own client in its default settings, which ask for an upgrade to HTTP/2. */
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

public class Client {
    static final HttpClient CLIENT = HttpClient.newHttpClient();
    static String url;
    static String key;

    public static void main(String[] arguments) throws Exception {
        url = arguments[0];
        key = arguments[1];
        String customer = arguments[2];
        HttpResponse<byte[]> created = send("POST", "/v1/customers", BodyPublishers.ofString(customer));
        say("create", created, header(created, "etag"));
        String path = "/v1/customers/" + field(text(created), "id");
        BodyPublisher unknownLength = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(customer.getBytes()));
        say("stream", send("POST", "/v1/customers", unknownLength));
        HttpResponse<byte[]> read = send("GET", path, BodyPublishers.noBody(), "Accept-Encoding", "gzip");
        String etag = header(read, "etag");
        say("read", read, header(read, "content-encoding"), etag, field(text(read), "name"));
        say("unchanged", send("GET", path, BodyPublishers.noBody(), "Accept-Encoding", "gzip", "If-None-Match", etag));
        HttpResponse<byte[]> head = send("HEAD", path, BodyPublishers.noBody());
        say("head", head, header(head, "etag"), String.valueOf(head.body().length));
        String missing = "/v1/customers/00000000-0000-7000-8000-000000000000";
        HttpResponse<byte[]> problem = send("GET", missing, BodyPublishers.noBody());
        say("missing", problem, field(text(problem), "code"));
        BodyPublisher items = BodyPublishers.ofString("{\"items\": [" + customer + "]}");
        HttpResponse<byte[]> batch = send("POST", "/v1/customers/batch", items);
        say("batch", batch, field(text(batch), "status"));
        BodyPublisher change = BodyPublishers.ofString("{\"name\": \"Byron\"}");
        HttpResponse<byte[]> changed = send("PATCH", path, change, "If-Match", etag);
        say("change", changed, field(text(changed), "name"));
    }

    static HttpResponse<byte[]> send(String method, String path, BodyPublisher body, String... headers) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url + path)).method(method, body);
        request.header("Authorization", "Bearer " + key).header("Content-Type", "application/json");
        if (headers.length > 0) {
            request.headers(headers);
        }
        return CLIENT.send(request.build(), BodyHandlers.ofByteArray());
    }

    static void say(String step, HttpResponse<byte[]> response, String... seen) {
        System.out.println(step + " " + response.statusCode() + (seen.length > 0 ? " " + String.join(" ", seen) : ""));
    }

    static String header(HttpResponse<byte[]> response, String name) {
        return response.headers().firstValue(name).orElse("-");
    }

    static String text(HttpResponse<byte[]> response) throws Exception {
        InputStream bytes = new ByteArrayInputStream(response.body());
        boolean isCompressed = header(response, "content-encoding").equals("gzip");
        return new String((isCompressed ? new GZIPInputStream(bytes) : bytes).readAllBytes());
    }

    static String field(String json, String name) {
        Matcher matcher = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(json);
        return matcher.find() ? matcher.group(1) : "no " + name + " in " + json;
    }
}
