// Package checkout takes orders: in one page, or in the three that it had before.
package checkout

import (
	"context"
	"fmt"
	"strings"

	"github.com/open-feature/go-sdk/openfeature"
)

var flags = openfeature.NewClient("checkout")

// Take takes an order and says what the customer sees.
func Take(ctx context.Context, customer string, items []Item) (string, error) {
	onePage, err := flags.BooleanValue(ctx, "one-page-checkout", false, openfeature.NewEvaluationContext(customer, nil))
	if err != nil {
		return "", err
	}
	if onePage {
		return page(customer, items), nil
	}
	return threePages(customer, items), nil
}

func page(customer string, items []Item) string {
	return fmt.Sprintf("%s pays %d", customer, total(items))
}

// threePages is what customers had before: basket, address and payment, each on a page of its own.
func threePages(customer string, items []Item) string {
	pages := []string{
		fmt.Sprintf("the basket of %s has %d things", customer, len(items)),
		addressPage(customer),
		fmt.Sprintf("%s pays %d", customer, total(items)),
	}
	return strings.Join(pages, "\n")
}

func addressPage(customer string) string {
	return fmt.Sprintf("where does %s live?", customer)
}
