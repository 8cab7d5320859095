// Pubsub is a Pub/Sub server (Google's own in-memory one, for tests) that also makes the push calls, which that one leaves out.
//
//	pubsub ENDPOINT TOKEN    publish what standard input has, a line a message, to the topic gcr, and push each to ENDPOINT
//
// The messages go through the official client, the server, and a subscription; what is posted is the message as Google's own
// description of it is written in JSON. TOKEN is what the real service would have had signed for the subscription.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	topic        = "projects/project/topics/gcr"
	subscription = "projects/project/subscriptions/sluice"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: pubsub ENDPOINT TOKEN")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx, os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, endpoint, token string) error {
	server := pstest.NewServer()
	defer server.Close()
	connection, err := grpc.NewClient(server.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	publisher, err := pubsub.NewTopicAdminClient(ctx, option.WithGRPCConn(connection))
	if err != nil {
		return err
	}
	subscriber, err := pubsub.NewSubscriptionAdminClient(ctx, option.WithGRPCConn(connection))
	if err != nil {
		return err
	}
	if _, err := publisher.CreateTopic(ctx, &pubsubpb.Topic{Name: topic}); err != nil {
		return err
	}
	if _, err := subscriber.CreateSubscription(ctx, &pubsubpb.Subscription{Name: subscription, Topic: topic}); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		message := &pubsubpb.PubsubMessage{Data: append([]byte(nil), lines.Bytes()...)}
		if _, err := publisher.Publish(ctx, &pubsubpb.PublishRequest{Topic: topic, Messages: []*pubsubpb.PubsubMessage{message}}); err != nil {
			return err
		}
		pulled, err := subscriber.Pull(ctx, &pubsubpb.PullRequest{Subscription: subscription, MaxMessages: 1})
		if err != nil {
			return err
		}
		for _, one := range pulled.ReceivedMessages {
			status, err := push(ctx, endpoint, token, one.Message)
			if err != nil {
				return err
			}
			fmt.Println(status)
			acknowledge := &pubsubpb.AcknowledgeRequest{Subscription: subscription, AckIds: []string{one.AckId}}
			if err := subscriber.Acknowledge(ctx, acknowledge); err != nil {
				return err
			}
		}
	}
	return lines.Err()
}

func push(ctx context.Context, endpoint, token string, message *pubsubpb.PubsubMessage) (int, error) {
	written, err := protojson.Marshal(message)
	if err != nil {
		return 0, err
	}
	body, err := json.Marshal(map[string]any{"message": json.RawMessage(written), "subscription": subscription})
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	return answer.StatusCode, nil
}
