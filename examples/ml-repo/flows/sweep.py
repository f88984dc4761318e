"""A hyperparameter sweep: one GPU task for each learning rate × depth."""

from lib.sizes import LARGE_MEMORY, SMALL_MEMORY
from metaflow import Config, FlowSpec, kubernetes, step, timeout


class SweepFlow(FlowSpec):
    config = Config("config", default="configs/sweep.yaml", parser="yaml.safe_load")

    @kubernetes(cpu=2, memory=SMALL_MEMORY)
    @step
    def start(self):
        self.grid = [(rate, depth) for rate in (0.1, 0.03, 0.01, 0.003) for depth in (6, 8, 10, 12)]
        self.next(self.fit, foreach="grid")

    @timeout(hours=3)
    @kubernetes(gpu=config.fit.gpu, cpu=config.fit.cpu, memory=LARGE_MEMORY, node_selector={"pool": config.fit.pool})
    @step
    def fit(self):
        self.next(self.choose)

    @kubernetes(cpu=2, memory=SMALL_MEMORY)
    @step
    def choose(self, inputs):
        self.next(self.end)

    @kubernetes(cpu=1, memory=SMALL_MEMORY)
    @step
    def end(self):
        pass


if __name__ == "__main__":
    SweepFlow()
