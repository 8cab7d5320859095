package checkout

// Item is a thing in a basket.
type Item struct {
	Name  string
	Price int
}

func total(items []Item) int {
	sum := 0
	for _, item := range items {
		sum += item.Price
	}
	return sum
}
