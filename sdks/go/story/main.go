// The story of the SDKs in Go: each step prints a line, the same in every language.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"

	"github.com/hashicorp/go-retryablehttp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"rapport.example/sdk/rapport"
)

const (
	tag       = "story"
	eventType = "customers.customer_created.v1"
)

var (
	api = newClient()
	ctx = context.WithValue(context.Background(), rapport.ContextAccessToken, os.Getenv("RAPPORT_API_KEY"))
)

func newClient() *rapport.APIClient {
	retries := retryablehttp.NewClient()
	retries.RetryMax = 30
	retries.Logger = nil
	retries.ErrorHandler = retryablehttp.PassthroughErrorHandler
	configuration := rapport.NewConfiguration()
	configuration.Servers = rapport.ServerConfigurations{{URL: os.Getenv("RAPPORT_URL")}}
	configuration.HTTPClient = retries.StandardClient()
	return rapport.NewAPIClient(configuration)
}

func main() {
	waitForAService()
	ada := create()
	conflict()
	invalid()
	missing()
	repeat()
	batch()
	pages()
	change(ada)
	buy(ada)
	receiveAWebhook()
}

func waitForAService() {
	page, _, err := api.ProgramsAPI.ListPrograms(ctx).Execute()
	check(err)
	fmt.Printf("programs: %d\n", len(page.Items))
}

func create() *rapport.Customer {
	body := person("ada")
	body.SetOccupation("poet")
	customer, _, err := api.CustomersAPI.CreateCustomer(ctx).CustomerCreate(body).Execute()
	check(err)
	fmt.Printf("created: %s, version %d\n", customer.GetGivenName(), customer.Version)
	return customer
}

func conflict() {
	_, _, err := api.CustomersAPI.CreateCustomer(ctx).CustomerCreate(person("ada")).Execute()
	problem := problemOf(err)
	fmt.Printf("conflict: %d %s\n", problem.Status, problem.Code)
}

func invalid() {
	body := rapport.CustomerCreate{Kind: rapport.CUSTOMERKIND_PERSON, Emails: []rapport.EmailCreate{{Address: "nowhere"}}}
	_, _, err := api.CustomersAPI.CreateCustomer(ctx).CustomerCreate(body).Execute()
	problem := problemOf(err)
	fmt.Printf("invalid: %d %s\n", problem.Status, problem.Errors[0].Pointer)
}

func missing() {
	_, _, err := api.CustomersAPI.ReadCustomer(ctx, "00000000-0000-7000-8000-000000000000").Execute()
	problem := problemOf(err)
	fmt.Printf("missing: %d %s\n", problem.Status, problem.Code)
}

func repeat() {
	request := api.CustomersAPI.CreateCustomer(ctx).CustomerCreate(person("grace")).IdempotencyKey("story-grace")
	first, _, err := request.Execute()
	check(err)
	second, response, err := request.Execute()
	check(err)
	replayed := response.Header.Get("Idempotency-Replayed")
	fmt.Printf("repeated: same customer %t, replayed %s\n", first.Id == second.Id, replayed)
}

func batch() {
	var items []rapport.CustomerUpsert
	for number := range 998 {
		if number == 500 {
			items = append(items, rapport.CustomerUpsert{Kind: rapport.CUSTOMERKIND_PERSON})
		}
		items = append(items, upsert(strconv.Itoa(number)))
	}
	response, _, err := api.CustomersAPI.UpsertCustomersBatch(ctx).CustomerBatch(rapport.CustomerBatch{Items: items}).Execute()
	check(err)
	created := 0
	var refused rapport.BatchResult
	for _, result := range response.Results {
		switch result.Status {
		case rapport.BATCHSTATUS_CREATED:
			created++
		case rapport.BATCHSTATUS_REFUSED:
			refused = result
		}
	}
	fmt.Printf("batch: %d created, item %d refused: %s\n", created, refused.Index, refused.Problem.Get().Code)
}

func pages() {
	count := 0
	ids := map[string]bool{}
	request := api.CustomersAPI.ListCustomers(ctx).Tag([]string{tag}).Limit(200)
	for more := true; more; count++ {
		page, _, err := request.Execute()
		check(err)
		for _, customer := range page.Items {
			ids[customer.Id] = true
		}
		request = request.Cursor(page.GetNextCursor())
		more = page.NextCursor.Get() != nil
	}
	fmt.Printf("pages: %d customers on %d pages\n", len(ids), count)
}

func change(ada *rapport.Customer) {
	var update rapport.CustomerUpdate
	update.SetOccupationNil()
	update.SetArea("London")
	version := fmt.Sprintf(`"%d"`, ada.Version)
	request := api.CustomersAPI.UpdateCustomer(ctx, ada.Id).CustomerUpdate(update).IfMatch(version)
	changed, _, err := request.Execute()
	check(err)
	_, _, err = request.Execute()
	stale := problemOf(err)
	if changed.Occupation.Get() != nil {
		log.Fatal("the occupation is not cleared")
	}
	fmt.Printf("changed: %s of %s, version %d, then %s\n", changed.GetGivenName(), changed.GetArea(), changed.Version, stale.Code)
}

// Record more purchases than the limit of requests per second allows.
func buy(ada *rapport.Customer) {
	line := rapport.PurchaseLineCreate{Sku: "tea", Quantity: "3"}
	line.SetUnitPrice("2.50")
	body := rapport.PurchaseCreate{
		CustomerId:  ada.Id,
		Source:      "till",
		PurchasedAt: ada.CreatedAt,
		Currency:    "EUR",
		Lines:       []rapport.PurchaseLineCreate{line},
	}
	var total rapport.Money
	for number := range 20 {
		body.SourceId = strconv.Itoa(number)
		purchase, _, err := api.PurchasesAPI.RecordPurchase(ctx).PurchaseCreate(body).Execute()
		check(err)
		total = purchase.Total
	}
	fmt.Printf("bought: 20 times %s %s\n", total.Amount, total.Currency)
}

type delivery struct {
	header http.Header
	body   []byte
}

func receiveAWebhook() {
	deliveries := make(chan delivery, 1)
	server := httptest.NewServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		check(err)
		deliveries <- delivery{request.Header, body}
		response.WriteHeader(http.StatusNoContent)
	}))
	body := rapport.WebhookEndpointCreate{Url: server.URL + "/", EventTypes: []string{eventType}}
	endpoint, _, err := api.WebhookEndpointsAPI.CreateWebhookEndpoint(ctx).WebhookEndpointCreate(body).Execute()
	check(err)
	zoe, _, err := api.CustomersAPI.CreateCustomer(ctx).CustomerCreate(person("zoe")).Execute()
	check(err)
	delivered := <-deliveries
	server.Close()

	receiver, err := standardwebhooks.NewWebhook(endpoint.Secret)
	check(err)
	check(receiver.Verify(delivered.body, delivered.header))
	var event rapport.CustomerCreatedEvent
	check(json.Unmarshal(delivered.body, &event))
	fmt.Printf("webhook: %s, same customer %t\n", event.Type, event.Data.CustomerId == zoe.Id)
	if receiver.Verify(append(delivered.body, ' '), delivered.header) != nil {
		fmt.Println("forged: refused")
	}
	feed, _, err := api.EventFeedAPI.ListEvents(ctx).Types([]string{eventType}).Subject(event.Subject).Execute()
	check(err)
	fmt.Printf("feed: %d event, same id %t\n", len(feed.Items), feed.Items[0].Id == event.Id)
}

func upsert(externalId string) rapport.CustomerUpsert {
	return rapport.CustomerUpsert{
		Kind:        rapport.CUSTOMERKIND_PERSON,
		ExternalIds: []rapport.ExternalReferenceCreate{{Source: "story", Id: externalId}},
		Tags:        []string{tag},
	}
}

func person(externalId string) rapport.CustomerCreate {
	customer := rapport.CustomerCreate{
		Kind:        rapport.CUSTOMERKIND_PERSON,
		ExternalIds: []rapport.ExternalReferenceCreate{{Source: "story", Id: externalId}},
		Tags:        []string{tag},
	}
	customer.SetGivenName(strings.ToUpper(externalId[:1]) + externalId[1:])
	return customer
}

func problemOf(err error) rapport.Problem {
	var refusal *rapport.GenericOpenAPIError
	if !errors.As(err, &refusal) {
		log.Fatal("a problem was expected: ", err)
	}
	return refusal.Model().(rapport.Problem)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
