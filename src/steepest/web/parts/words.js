// Every word of the page, in English and in Chinese; {0}, {1} are put in.

import { byId } from "./dom.js";
import { landscapeOf } from "./scene.js";
import { titleOf } from "./setup.js";
import { store } from "./store.js";

const WORDS = {
  // frame of the page
  skip: ["Skip to the picture", "跳到图像"],
  tour: ["Tour", "导览"],
  tourTip: ["A walk through the lecture's examples", "依次观看讲义中的例子"],
  copy: ["Copy link", "复制链接"],
  copyTip: ["Copy a link to exactly this page", "复制指向当前页面状态的链接"],
  copied: ["Link copied. It holds everything you see.", "链接已复制，包含当前页面的全部设置。"],
  badLink: ["This link cannot be followed: {0}. The page stays as it was.", "无法打开此链接：{0}。页面保持原样。"],
  save: ["Save", "保存"],
  saveTip: ["Save the picture, the numbers or the code", "保存图像、数据或代码"],
  savePng: ["picture for slides", "用于幻灯片的图像"],
  saveSvg: ["vector picture for print", "用于印刷的矢量图"],
  saveCsv: ["every step of every path", "每条轨迹的每一步"],
  savePython: ["code that draws the same paths", "可重现这些轨迹的代码"],
  light: ["Light: {0}", "外观：{0}"],
  "light-auto": ["as the system", "跟随系统"],
  "light-light": ["light", "浅色"],
  "light-dark": ["dark", "深色"],
  close: ["Close", "关闭"],
  footer: ["Everything is computed on this page; nothing is sent anywhere.", "全部计算都在本页完成，不发送任何数据。"],
  // picture
  modes: ["View", "视图"],
  contours: ["Contours", "等高线"],
  curve: ["Curve", "曲线"],
  surface: ["3-D", "三维"],
  basin: ["Basins", "吸引域"],
  sweep: ["Settings map", "参数图"],
  predicted: ["Predicted path", "理论轨迹"],
  predictedTip: ["What the linear theory of quadratics predicts, drawn over the actual path", "将二次函数线性理论预测的轨迹画在实际轨迹之上"],
  dragMe: ["drag me", "拖动我"],
  leaves: ["{0} leaves at step {1}", "{0} 第 {1} 步离开图框"],
  starKey: ["★ global minimum", "★ 全局极小"],
  hollowKey: ["☆ local minimum", "☆ 局部极小"],
  crossKey: ["× saddle", "× 鞍点"],
  heightPlain: ["height to scale", "高度按比例"],
  heightPower: ["heights compressed (to the power {0})", "高度经压缩（{0} 次幂）"],
  turnHint: ["drag to turn", "拖动可旋转"],
  stageAlt: ["Picture of {0}. Start at {1}.", "{0} 的图像。起点 {1}。"],
  trackAlt: ["{0} is at {1}.", "{0} 位于 {1}。"],
  turnKeys: ["Arrow keys turn the surface; with Alt they move the start.", "方向键旋转曲面，按住 Alt 则移动起点。"],
  resetView: ["Whole landscape", "显示全部"],
  stageKeys: ["Arrow keys move the start, with Shift faster; plus and minus zoom, 0 resets.", "方向键移动起点，按住 Shift 移动更快；加减号缩放，0 复位。"],
  // player
  player: ["Steps", "步数控制"],
  first: ["To the start", "回到起点"],
  back: ["One step back", "后退一步"],
  play: ["Play", "播放"],
  pause: ["Pause", "暂停"],
  forth: ["One step forward", "前进一步"],
  scrub: ["Step in view", "当前步"],
  speed: ["Speed", "速度"],
  speedIs: ["Speed: {0} times", "速度：{0} 倍"],
  step: ["step", "步"],
  stepOf: ["step {0} of {1}", "第 {0} 步，共 {1} 步"],
  lossTitle: ["Value at each step", "每一步的函数值"],
  lossAbove: ["Value above the minimum at each step", "每一步的函数值与最小值之差"],
  // landscape
  landscape: ["Landscape", "地形"],
  pick: ["Landscape: {0}. Choose another", "地形：{0}。点击更换"],
  chooseLandscape: ["Choose a landscape", "选择地形"],
  search: ["Search: valley, saddle, cos …", "搜索：山谷、鞍点、cos ……"],
  noneFound: ["No landscape has these words. You can also type a formula of your own.", "没有匹配的地形。也可以输入自己的公式。"],
  curves: ["One coordinate", "一个坐标"],
  planes: ["Two coordinates", "两个坐标"],
  formulaLabel: ["Type a formula in x, or in x and y", "输入关于 x 或 x、y 的公式"],
  ownFormula: ["Your formula", "自定义公式"],
  ownAbout: ["Your own formula, differentiated exactly.", "自定义公式，导数精确求得。"],
  ratesSet: ["Learning rates set to suit {0}.", "已为“{0}”设定合适的学习率。"],
  // rules and run
  rules: ["Optimizers", "优化器"],
  addRule: ["Add an optimizer", "添加优化器"],
  sixRules: ["Six optimizers are as many as one can tell apart.", "最多六个优化器，再多就难以分辨了。"],
  noRules: ["Add an optimizer to see a path.", "添加一个优化器即可看到轨迹。"],
  remove: ["Remove {0}", "移除 {0}"],
  more: ["more settings", "更多设置"],
  limitBelow: ["Stable below {0} (λ = {1} {2}).", "学习率低于 {0} 时稳定（{2} λ = {1}）。"],
  limitAbove: ["Above the stability limit {0} (λ = {1} {2}).", "超过稳定上限 {0}（{2} λ = {1}）。"],
  along: ["along {0}", "沿 {0} 方向"],
  alongSteepest: ["along the steepest direction", "沿最陡方向"],
  run: ["Run", "运行"],
  steps: ["steps", "步数"],
  stepsAbout: ["number of steps", "迭代步数"],
  noise: ["noise", "噪声"],
  noiseAbout: ["standard deviation of the noise added to each coordinate of the gradient", "加在梯度每个坐标上的噪声的标准差"],
  seed: ["seed", "随机种子"],
  newSeed: ["another", "换一个"],
  schedule: ["schedule", "学习率调度"],
  // meaning
  happened: ["What happened", "发生了什么"],
  numbers: ["The numbers", "数值"],
  here: ["step {0}: at {1}, value {2}", "第 {0} 步：位于 {1}，函数值 {2}"],
  atStep: ["at step {0}", "第 {0} 步"],
  beforeFirst: ["Before the first step. Press play or drag the slider below the picture.", "尚未开始。点击播放，或拖动图下的滑块。"],
  gradient: ["gradient", "梯度"],
  delta: ["change", "更新量"],
  effective: ["effective rate", "有效学习率"],
  position: ["new place", "新位置"],
  rateNow: ["learning rate {0}", "学习率 {0}"],
  // maps
  mapRule: ["optimizer", "优化器"],
  mapAcross: ["across", "横轴"],
  mapUp: ["up", "纵轴"],
  mapShow: ["colour", "颜色"],
  finalValue: ["final value", "最终函数值"],
  stepsToReach: ["steps to reach the minimum", "到达极小所需步数"],
  computing: ["computing … {0}%", "计算中 …… {0}%"],
  done: ["{0} runs", "共 {0} 次运行"],
  cancel: ["Stop", "停止"],
  again: ["Compute", "计算"],
  manyMinima: ["{0} minima", "{0} 个极小"],
  divergedKey: ["diverged", "发散"],
  nowhereKey: ["not arrived", "未到达"],
  mapAlt: ["Map of {0} over {1} and {2}. Arrow keys move the settings.", "{0} 随 {1} 与 {2} 变化的图。方向键移动设置。"],
  // tour
  previous: ["Previous stop", "上一站"],
  next: ["Next stop", "下一站"],
  endTour: ["End the tour", "结束导览"],
};

export const STATES = {
  momentum_buffer: ["velocity v", "速度 v"],
  exp_avg: ["average m", "平均 m"],
  exp_avg_sq: ["average of squares v", "平方平均 v"],
  max_exp_avg_sq: ["largest average", "最大平均"],
  square_avg: ["average of squares", "平方平均"],
  sum: ["sum of squares s", "平方和 s"],
  acc_delta: ["average of squared steps", "步长平方平均"],
  grad_avg: ["average gradient", "平均梯度"],
  exp_inf: ["largest gradient u", "最大梯度 u"],
};

/** The language spoken: the reader's choice, the page's own, or the browser's. */
export function lang() {
  return store.state.lang ?? document.documentElement.dataset.lang ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
}

export function say(key, ...parts) {
  return WORDS[key][lang() === "zh" ? 1 : 0].replace(/\{(\d)\}/g, (_, place) => parts[place]);
}

export function both(key) { return { en: WORDS[key][0], zh: WORDS[key][1] }; }

/** Put the words into the markup. */
export function showWords() {
  document.documentElement.lang = lang() === "zh" ? "zh-CN" : "en";
  document.title = `steepest · ${titleOf(landscapeOf(store.state))}`;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", say(element.dataset.label));
  for (const element of document.querySelectorAll("[data-tip]")) {
    element.title = say(element.dataset.tip);
    element.setAttribute("aria-label", say(element.dataset.tip));
  }
  byId("language").textContent = lang() === "zh" ? "English" : "中文";
  byId("language").lang = lang() === "zh" ? "en" : "zh-CN";
}
