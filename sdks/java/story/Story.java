import com.github.mizosoft.methanol.Methanol;
import com.github.mizosoft.methanol.RetryInterceptor;
import com.github.mizosoft.methanol.RetryInterceptor.BackoffStrategy;
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import rapport.client.ApiClient;
import rapport.client.ApiException;
import rapport.client.api.CustomersApi;
import rapport.client.api.EventFeedApi;
import rapport.client.api.ProgramsApi;
import rapport.client.api.PurchasesApi;
import rapport.client.api.WebhookEndpointsApi;
import rapport.client.model.*;

/** The story of the SDKs in Java: each step prints a line, the same in every language. */
final class Story {
    private static final String TAG = "story";
    private static final String TYPE = "customers.customer_created.v1";

    private final ApiClient client;
    private final CustomersApi customers;

    private Story(ApiClient client) {
        this.client = client;
        this.customers = new CustomersApi(client);
    }

    public static void main(String[] arguments) throws Exception {
        var retries = RetryInterceptor.newBuilder()
            .maxRetries(30)
            .onStatus(429, 503)
            .retryNonIdempotent()
            .backoff(BackoffStrategy.retryAfterOr(BackoffStrategy.fixed(Duration.ofSeconds(1))))
            .build();
        var http = Methanol.newBuilder()
            .defaultHeader("Authorization", "Bearer " + System.getenv("RAPPORT_API_KEY"))
            .requestTimeout(Duration.ofSeconds(30))
            .interceptor(retries);
        var client = new ApiClient(http, ApiClient.createDefaultObjectMapper(), System.getenv("RAPPORT_URL"));
        new Story(client).run();
    }

    private void run() throws Exception {
        waitForAService();
        var ada = create();
        conflict();
        invalid();
        missing();
        repeat();
        batch();
        pages();
        change(ada);
        buy(ada);
        receiveAWebhook();
    }

    private void waitForAService() throws ApiException {
        var page = new ProgramsApi(client).listPrograms(ProgramsApi.APIListProgramsRequest.newBuilder().build());
        System.out.println("programs: " + page.getItems().size());
    }

    private Customer create() throws ApiException {
        var customer = customers.createCustomer(person("ada").occupation("poet"), null);
        System.out.println("created: " + customer.getGivenName() + ", version " + customer.getVersion());
        return customer;
    }

    private void conflict() throws Exception {
        var problem = problemOf(() -> customers.createCustomer(person("ada"), null));
        System.out.println("conflict: " + problem.getStatus() + " " + problem.getCode());
    }

    private void invalid() throws Exception {
        var body = new CustomerCreate().kind(CustomerKind.PERSON).addEmailsItem(new EmailCreate().address("nowhere"));
        var problem = problemOf(() -> customers.createCustomer(body, null));
        System.out.println("invalid: " + problem.getStatus() + " " + problem.getErrors().get(0).getPointer());
    }

    private void missing() throws Exception {
        var problem = problemOf(() -> customers.readCustomer(UUID.randomUUID(), null));
        System.out.println("missing: " + problem.getStatus() + " " + problem.getCode());
    }

    private void repeat() throws ApiException {
        var key = UUID.randomUUID().toString();
        var first = customers.createCustomerWithHttpInfo(person("grace"), key);
        var second = customers.createCustomerWithHttpInfo(person("grace"), key);
        var same = first.getData().getId().equals(second.getData().getId());
        var replayed = second.getHeaders().get("idempotency-replayed").get(0);
        System.out.println("repeated: same customer " + same + ", replayed " + replayed);
    }

    private void batch() throws ApiException {
        var items = new ArrayList<CustomerUpsert>();
        for (int number = 0; number < 998; number++) {
            items.add(upsert(String.valueOf(number)));
        }
        items.add(500, new CustomerUpsert().kind(CustomerKind.PERSON));
        var results = customers.upsertCustomersBatch(new CustomerBatch().items(items), null).getResults();
        var created = results.stream().filter(result -> result.getStatus() == BatchStatus.CREATED).count();
        var refused = results.stream().filter(result -> result.getStatus() == BatchStatus.REFUSED).findAny().orElseThrow();
        var code = refused.getProblem().getCode();
        System.out.println("batch: " + created + " created, item " + refused.getIndex() + " refused: " + code);
    }

    private void pages() throws ApiException {
        int count = 0;
        Set<UUID> ids = new HashSet<>();
        String cursor = null;
        do {
            var request = CustomersApi.APIListCustomersRequest.newBuilder().tag(List.of(TAG)).limit(200).cursor(cursor).build();
            var page = customers.listCustomers(request);
            page.getItems().forEach(customer -> ids.add(customer.getId()));
            cursor = page.getNextCursor();
            count++;
        } while (cursor != null);
        System.out.println("pages: " + ids.size() + " customers on " + count + " pages");
    }

    private void change(Customer ada) throws Exception {
        var update = new CustomerUpdate().occupation(null).area("London");
        var version = "\"" + ada.getVersion() + "\"";
        var changed = customers.updateCustomer(ada.getId(), update, version, null);
        var stale = problemOf(() -> customers.updateCustomer(ada.getId(), update, version, null));
        if (changed.getOccupation() != null) {
            throw new AssertionError("the occupation is not cleared");
        }
        System.out.println("changed: " + changed.getGivenName() + " of " + changed.getArea() + ", version "
            + changed.getVersion() + ", then " + stale.getCode());
    }

    /** Records more purchases than the limit of requests per second allows. */
    private void buy(Customer ada) throws ApiException {
        var line = new PurchaseLineCreate().sku("tea").quantity("3").unitPrice("2.50");
        var body = new PurchaseCreate()
            .customerId(ada.getId())
            .source("till")
            .purchasedAt(ada.getCreatedAt())
            .currency("EUR")
            .addLinesItem(line);
        Money total = null;
        for (int number = 0; number < 20; number++) {
            total = new PurchasesApi(client).recordPurchase(body.sourceId(String.valueOf(number)), null).getTotal();
        }
        System.out.println("bought: 20 times " + total.getAmount() + " " + total.getCurrency());
    }

    private record Delivery(Map<String, List<String>> headers, String body) {}

    private void receiveAWebhook() throws Exception {
        var deliveries = new ArrayBlockingQueue<Delivery>(1);
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            var body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            deliveries.add(new Delivery(exchange.getRequestHeaders(), body));
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        server.start();
        var url = "http://127.0.0.1:" + server.getAddress().getPort() + "/";
        var body = new WebhookEndpointCreate().url(url).addEventTypesItem(TYPE);
        CreatedWebhookEndpoint endpoint;
        Customer zoe;
        Delivery delivery;
        try {
            endpoint = new WebhookEndpointsApi(client).createWebhookEndpoint(body, null);
            zoe = customers.createCustomer(person("zoe"), null);
            delivery = deliveries.poll(30, TimeUnit.SECONDS);
        } finally {
            server.stop(0);  // the program ends, whatever happens
        }

        var receiver = new Webhook(endpoint.getSecret());
        receiver.verify(delivery.body(), delivery.headers());
        var event = client.getObjectMapper().readValue(delivery.body(), CustomerCreatedEvent.class);
        var same = event.getData().getCustomerId().equals(zoe.getId());
        System.out.println("webhook: " + event.getType() + ", same customer " + same);
        try {
            receiver.verify(delivery.body() + " ", delivery.headers());
        } catch (WebhookVerificationException refusal) {
            System.out.println("forged: refused");
        }
        var request = EventFeedApi.APIListEventsRequest.newBuilder().types(List.of(TYPE)).subject(event.getSubject()).build();
        var items = new EventFeedApi(client).listEvents(request).getItems();
        System.out.println("feed: " + items.size() + " event, same id " + items.get(0).getId().equals(event.getId()));
    }

    private static CustomerUpsert upsert(String externalId) {
        return new CustomerUpsert()
            .kind(CustomerKind.PERSON)
            .addExternalIdsItem(new ExternalReferenceCreate().source("story").id(externalId))
            .addTagsItem(TAG);
    }

    private static CustomerCreate person(String externalId) {
        var name = externalId.substring(0, 1).toUpperCase() + externalId.substring(1);
        return new CustomerCreate()
            .kind(CustomerKind.PERSON)
            .givenName(name)
            .addExternalIdsItem(new ExternalReferenceCreate().source("story").id(externalId))
            .addTagsItem(TAG);
    }

    private interface Call {
        Object send() throws ApiException;
    }

    private Problem problemOf(Call call) throws Exception {
        try {
            throw new AssertionError("a problem was expected: " + call.send());
        } catch (ApiException refusal) {
            return client.getObjectMapper().readValue(refusal.getResponseBody(), Problem.class);
        }
    }
}
