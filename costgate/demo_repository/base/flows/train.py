"""Trains the ranking model. The number of GPUs comes from a config file, so that no code changes when it grows."""

from metaflow import Config, FlowSpec, kubernetes, step


class TrainFlow(FlowSpec):
    config = Config("config", default="configs/prod.json")

    @step
    def start(self):
        self.next(self.train)

    @kubernetes(gpu=config.train.gpu, cpu=config.train.cpu, memory=config.train.memory)
    @step
    def train(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TrainFlow()
