"""Trains the ranking model on GPUs; the config chooses region, size and schedule."""

from metaflow import Config, FlowSpec, config_expr, kubernetes, project, resources, retry, schedule, step, timeout


@project(name="ranker")
@schedule(cron=config_expr("config.schedule"))
class TrainFlow(FlowSpec):
    config = Config("config", default="configs/train-eu.json")

    @kubernetes(cpu=4, memory=16384)
    @step
    def start(self):
        self.next(self.train)

    @retry(times=2)
    @timeout(hours=6)
    @resources(gpu=config.train.gpu, cpu=config.train.cpu)
    @kubernetes(memory=config.train.memory, node_selector={"pool": config.train.pool})
    @step
    def train(self):
        self.next(self.evaluate)

    @kubernetes(gpu=1, cpu=8, memory=65536, node_selector={"pool": config.train.pool})
    @timeout(hours=1)
    @step
    def evaluate(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    TrainFlow()
