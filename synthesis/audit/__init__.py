"""What is known of a set: how many people, how many look-alikes, how near to the people of the training set."""
